"""Helpers of the CloudFormation tests: stacks of one caller with short waits, and templates."""

from __future__ import annotations

import json
import time
from typing import Any

from support.cloud_helpers import allow, trust_policy, unique_name

POD_TRUST = json.loads(trust_policy({"Service": "pods.eks.amazonaws.com"}, "sts:AssumeRole", "sts:TagSession"))
READ = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject")]}
WRITE = {"Version": "2012-10-17", "Statement": [allow("s3:PutObject")]}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
VIEW_ONLY = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"


class Stacks:
    """CloudFormation as one caller, with short waits."""

    def __init__(self, api: Any) -> None:
        self.api = api

    def create(self, template: Any, name: str | None = None, **members: Any) -> str:
        """Create a stack with CAPABILITY_NAMED_IAM, wait for the end, and return its name."""
        name = name or unique_name("stack")
        members.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        self.api.create_stack(StackName=name, TemplateBody=as_text(template), **members)
        self.wait(name)
        return name

    def update(self, name: str, template: Any, **members: Any) -> str:
        """Update a stack, and return its status at the end."""
        members.setdefault("Capabilities", ["CAPABILITY_NAMED_IAM"])
        self.api.update_stack(StackName=name, TemplateBody=as_text(template), **members)
        return self.wait(name)

    def delete(self, name: str, **members: Any) -> str:
        """Delete a stack, and return its status at the end."""
        arn = self.describe(name)["StackId"]
        self.api.delete_stack(StackName=name, **members)
        return self.wait(arn)

    def wait(self, name: str) -> str:
        """Return the stack's status when no operation runs."""
        for _ in range(400):
            status: str = self.describe(name)["StackStatus"]
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            time.sleep(0.05)
        raise AssertionError(f"{name} is still in {status}")

    def describe(self, name: str) -> dict[str, Any]:
        stack: dict[str, Any] = self.api.describe_stacks(StackName=name)["Stacks"][0]
        return stack

    def status(self, name: str) -> str:
        return str(self.describe(name)["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe(name).get("Outputs", [])}

    def physical_ids(self, name: str) -> dict[str, str]:
        resources = self.api.describe_stack_resources(StackName=name)["StackResources"]
        return {entry["LogicalResourceId"]: entry.get("PhysicalResourceId", "") for entry in resources}

    def events(self, name: str) -> list[tuple[str, str]]:
        """Return the logical id and status of each event, the oldest first."""
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]

    def reasons(self, name: str) -> str:
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in reversed(events))


def as_text(template: Any) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def role(**properties: Any) -> dict[str, Any]:
    """Return an AWS::IAM::Role that EKS Pod Identity can assume."""
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": POD_TRUST, **properties}}


def resources(**declarations: Any) -> dict[str, Any]:
    """Return a template with these resources."""
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": declarations}


def inline(name: str, document: Any) -> dict[str, Any]:
    """Return an inline policy of a role."""
    return {"PolicyName": name, "PolicyDocument": document}


def policy(document: Any, **properties: Any) -> dict[str, Any]:
    """Return an AWS::IAM::Policy with the name `p`."""
    return {"Type": "AWS::IAM::Policy", "Properties": {**inline("p", document), **properties}}
