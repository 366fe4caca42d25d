"""Enforced operations of AWS CloudFormation: those that `lab.cloud.cloudformation` implements.

A stack's own calls are authorized one by one, as calls of its caller or of its service role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.rules import PassedRole, Service, call_variables, check_arn, names

_SERVICE_ROLE = (PassedRole("cloudformation.amazonaws.com", "RoleARN"),)


def _stacks(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the stack of the call. A stack that does not exist has `*` in place of its id."""
    from lab.cloud.cloudformation.lookup import find_stack  # noqa: PLC0415 - the operations import the authorization

    name = str(call.params.get("StackName") or "")
    if name.startswith("arn:"):
        check_arn(call, name, [resource_type])
    stack = find_stack(call)
    if stack is not None:
        check_arn(call, stack.arn, [resource_type])
        yield stack.arn
    elif name.startswith("arn:"):
        yield name
    elif name:
        yield resource_type.fill({**call_variables(call), "StackName": name, "Id": "*"})
    elif call.params.get("ChangeSetName") or call.params.get("PhysicalResourceId"):
        yield resource_type.fill({**call_variables(call), "StackName": "*", "Id": "*"})


def _list_tags(arn: str) -> Mapping[str, str]:
    from lab.cloud.cloudformation.store import store  # noqa: PLC0415 - the operations import the authorization

    stack = store.stacks.get(arn)
    return dict(stack.settings.tags) if stack else {}


CLOUDFORMATION = Service(
    name="cloudformation",
    prefix="cloudformation",
    signing_name="cloudformation",
    backend="cloudformation",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html",
    operations=names(
        "CreateChangeSet CreateStack DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents "
        "DescribeStackResource DescribeStackResources DescribeStacks ExecuteChangeSet GetTemplate GetTemplateSummary "
        "ListChangeSets ListExports ListImports ListStackResources ListStacks UpdateStack UpdateTerminationProtection "
        "ValidateTemplate"
    ),
    resources={"stack": _stacks},
    condition_members={
        "cloudformation:ChangeSetName": "ChangeSetName",
        "cloudformation:ImportResourceTypes": "ResourcesToImport[].ResourceType",
        "cloudformation:ResourceTypes": "ResourceTypes",
        "cloudformation:RoleArn": "RoleARN",
        "cloudformation:StackPolicyUrl": "StackPolicyURL",
        "cloudformation:TemplateUrl": "TemplateURL",
    },
    list_tags=_list_tags,
    passed_roles=dict.fromkeys(("CreateChangeSet", "CreateStack", "DeleteStack", "UpdateStack"), _SERVICE_ROLE),
    invalid_arn=("ValidationError", 400),
)
