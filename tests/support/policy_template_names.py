"""Resources for tests of policy templates, and decisions of the lab's IAM evaluator."""

from __future__ import annotations

import json
from typing import Any

from eks_identity.model import policy_templates
from eks_identity.model.partitions import AWS, Partition
from lab.cloud.policy import Context, Policies, Request, evaluate, parse

HERE = "eu-west-1:111122223333"
SAMPLE_FIELDS = {
    "hosted_zone_arns": ["arn:aws:route53:::hostedzone/Z0MINE"],
    "bucket_arns": ["arn:aws:s3:::mine"],
    "kms_key_arns": [f"arn:aws:kms:{HERE}:key/0b1d2f3a-0000-4000-8000-000000000001"],
    "secret_arns": [f"arn:aws:secretsmanager:{HERE}:secret:team/mine-??????"],
    "parameter_arns": [f"arn:aws:ssm:{HERE}:parameter/team/mine/*"],
    "file_system_arns": [f"arn:aws:elasticfilesystem:{HERE}:file-system/fs-0a1"],
    "queue_arns": [f"arn:aws:sqs:{HERE}:mine"],
    "workspace_arns": [f"arn:aws:aps:{HERE}:workspace/ws-mine"],
    "target_group_arns": [f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/mine/0a1b"],
    "node_role_arns": ["arn:aws:iam::111122223333:role/nodes"],
    "cluster_names": ["mine"],
    "key_prefixes": ["a/", "b/"],
    "ip_family": "ipv4",
    "write": True,
}
"""One resource of each kind."""


def required_args(name: str, *fields: str) -> dict[str, Any]:
    """Return the args of a template with its required fields, and `fields`."""
    template = policy_templates.find(name)
    required = [field.name for group in template.one_of for field in group] + [
        field.name for field in template.required
    ]
    return {"name": name, **{field: SAMPLE_FIELDS[field] for field in (*required, *fields)}}


def all_args(name: str) -> dict[str, Any]:
    """Return the args of a template with every field."""
    return {"name": name, **{field: SAMPLE_FIELDS[field] for field in policy_templates.find(name).fields}}


def statements(args: dict[str, Any], partition: Partition = AWS) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy_templates.policy_document(args, partition))["Statement"]
    return found


def allowed(
    args: dict[str, Any], action: str, resource: str = "*", context: dict[str, str | list[str]] | None = None
) -> bool:
    """Return whether a role with only that template is allowed the action."""
    policy = parse(policy_templates.policy_document(args, AWS))
    return evaluate(Request(action, resource, context=Context(context)), Policies(identity=[policy])).allowed
