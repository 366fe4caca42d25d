"""Texts of IAM's authorization, which all AWS services and SDKs repeat: who is not allowed which action, and why.

Source: IAM user guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re

from eks_access.questions.error_texts.error_text import WHOAMI, WORKLOAD, Chain, ErrorText, Workload, workload
from eks_identity.model.lockout import Caller

_USER = r"User: (?P<user>arn:[^\s]+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
_RESOURCE = r"(?: on resource: \"?(?P<resource>[^\s\"]+?)\"?(?=[\s\")]|$))?"
_NODE_USER = r"User: (?P<user>arn:[^\s]+:assumed-role/[^/\s]+/i-[0-9a-f]{8,17}) is not authorized to perform: "
"""EC2 names the session of an instance profile after the instance."""
_EXEC_PLUGIN = "getting credentials: exec"
_ROLE_SESSION = re.compile(r":assumed-role/(?!AWSReservedSSO_)")
_S3_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
}
"""IAM actions of S3 operations with another name. Source: Service Authorization Reference, Amazon S3."""


def _denied(match: re.Match[str], traced: Workload) -> tuple[str, ...]:
    """Return the command of the chain that ends in the action: that of a role's session is of a workload."""
    action, resource = match["action"], match["resource"] or ""
    is_person = traced.name == WORKLOAD and (not _ROLE_SESSION.search(match["user"]) or _EXEC_PLUGIN in match.string)
    if action.startswith("eks:") or (is_person and action == "sts:AssumeRole"):
        return WHOAMI
    if is_person:
        return ("eks-access", "what-can", _principal(match["user"]))
    return traced.trace(action, resource)


def _principal(user: str) -> str:
    """Return the ARN of a session's role, as far as the session's ARN has it."""
    caller = Caller.of(user)
    return user if caller is None else caller.principal.arn


def _s3_denied(match: re.Match[str], traced: Workload) -> tuple[str, ...]:
    operation = match["operation"] or match["other"]
    return traced.trace(f"s3:{_S3_ACTIONS.get(operation, operation)}")


def _text(id_: str, ending: str, example: str, reason: str, cause: str) -> ErrorText:
    return ErrorText(
        id_,
        re.compile(f"{_USER}{_RESOURCE}{ending}"),
        example,
        Chain.PERMISSIONS,
        f"The credentials work: AWS knows the caller as {{user}}. {reason}",
        cause,
        _denied,
    )


TEXTS = (
    ErrorText(
        "iam-node-role",
        re.compile(rf"{_NODE_USER}(?P<action>[\w-]+:\w+){_RESOURCE}"),
        "User: arn:aws:sts::…:assumed-role/…/i-… is not authorized to perform: …",
        Chain.WORKLOAD_IDENTITY,
        "The session is that of an EC2 instance: the pod used the role of its node, not one of its own.",
        "the links of the service account's annotation or association, or an SDK that is too old for them",
        workload,
    ),
    _text(
        "iam-explicit-deny",
        " with an explicit deny",
        "User: … is not authorized to perform: … with an explicit deny in …",
        "A policy has a statement with the effect Deny on {action}.",
        "the link of the permissions: a Deny in an identity-based policy, a boundary, a resource policy or an SCP",
    ),
    _text(
        "iam-no-permissions-boundary",
        " because no permissions boundary allows",
        "User: … is not authorized to perform: … because no permissions boundary allows …",
        "Its permissions boundary does not contain {action}.",
        "the link of the permissions: the permissions boundary of the role or user",
    ),
    _text(
        "iam-no-session-policy",
        " because no session policy allows",
        "User: … is not authorized to perform: … because no session policy allows …",
        "The policy of the session does not contain {action}.",
        "the link of the permissions: the session policy, such as that of a Pod Identity association",
    ),
    _text(
        "iam-no-identity-based-policy",
        " because no identity-based policy allows",
        "User: … is not authorized to perform: … because no identity-based policy allows …",
        "No policy of its role or user allows {action}.",
        "the link of the permissions: the action, the resource or a condition of the role's policies",
    ),
    _text(
        "iam-no-resource-based-policy",
        " because no resource-based policy allows",
        "User: … is not authorized to perform: … because no resource-based policy allows …",
        "The policy of the resource does not allow {action}; across accounts both sides must.",
        "the resource's policy: that of the bucket, key or queue, or the trust policy of the role",
    ),
    _text(
        "iam-not-authorized",
        "",
        "User: … is not authorized to perform: …",
        "No policy allows {action}, or one denies it.",
        "the link of the permissions; for sts:AssumeRole, the trust policy of the role that is assumed",
    ),
    ErrorText(
        "s3-access-denied",
        re.compile(
            r"\(AccessDenied\) when calling the (?P<operation>\w+) operation: Access Denied|"
            r"operation error S3: (?P<other>\w+), .*AccessDenied: Access Denied"
        ),
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
        Chain.WORKLOAD_IDENTITY,
        "S3 denies the call and does not say to whom.",
        "the link of the permissions, or the policy of the bucket",
        _s3_denied,
    ),
)
"""In the order in which they are searched: a specific text before a general one."""
