"""The policy of the resource, which the graph does not have: a note, or a link that is not evaluated."""

from __future__ import annotations

from eks_access.findings import Link
from eks_access.questions.workloads.workload import Workload
from eks_identity.model.arns import account_of, find_account

RESOURCE_POLICY = "resource policy"
_WITH_POLICIES = {
    "s3": "bucket policy",
    "kms": "key policy",
    "sqs": "queue policy",
    "sns": "topic policy",
    "secretsmanager": "policy of the secret",
    "dynamodb": "policy of the table",
    "lambda": "policy of the function",
    "ecr": "repository policy",
    "kinesis": "policy of the stream",
    "events": "policy of the event bus",
    "elasticfilesystem": "file system policy",
    "execute-api": "policy of the API",
    "es": "policy of the domain",
    "backup": "vault policy",
    "glacier": "vault policy",
}
"""Services whose resources may have a policy.

Source: IAM user guide, "AWS services that work with IAM".
"""


def is_of_other_account(workload: Workload, role_arn: str) -> bool:
    """Return whether the resource is certainly in another account than the role."""
    return find_account(workload.resource or "") not in (None, account_of(role_arn))


def resource_link(workload: Workload, role_arn: str) -> Link:
    """Return the link of a resource of another account, whose policy must allow the role too."""
    account = find_account(workload.resource or "")
    reason = f"{workload.resource} is in account {account}: its policy must allow {role_arn}, and was not read"
    return Link.not_evaluated(RESOURCE_POLICY, reason)


def policy_note(workload: Workload) -> list[str]:
    """Return the note on a policy of the resource that may deny the action."""
    assert workload.action is not None
    service = workload.action.partition(":")[0].lower()
    if service not in _WITH_POLICIES or workload.resource in {None, "*"}:
        return []
    effect = "must allow it too" if service == "kms" else "may deny it, and in another account must allow it"
    return [f"the {_WITH_POLICIES[service]} of {workload.resource} was not read: it {effect}"]
