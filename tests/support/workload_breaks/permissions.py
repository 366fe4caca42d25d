"""Breaks of permissions: B25, and session tags that an association disables (B24)."""

from support import workload_chains as chains
from support.workload_breaks.changes import (
    DENY_ALL,
    TAG_PATTERN,
    all_of,
    aws_policy,
    boundary,
    inline,
    inline_deny,
    policy,
    session_policy,
)
from support.workload_breaks.workload_break import breaks
from support.workload_chains import (
    NAMESPACE,
    OTHER_ACCOUNT,
    RESOURCE,
    allow,
)

PERMISSIONS = (
    *breaks(
        "B24",
        chains.pod_identity,
        "permissions",
        {
            "tags-disabled-policy": (
                all_of(
                    policy(allow(resource=TAG_PATTERN)), lambda data: data.set_association(disable_session_tags=True)
                ),
                "session-tags-disabled",
            )
        },
        resource=f"arn:aws:s3:::{NAMESPACE}-data",
    ),
    *breaks(
        "B25",
        chains.irsa,
        "permissions",
        {
            "no-policy": (lambda data: data.set_role(attached_policies=()), "policy-missing"),
            "policy-of-other-action": (policy(allow("s3:GetObject")), "policy-missing"),
            "resource-objects-only": (policy(allow(resource=f"{RESOURCE}/*")), "policy-resource"),
            "resource-inline": (inline(allow(resource=f"{RESOURCE}-2")), "policy-resource"),
            "action-of-aws-policy": (aws_policy, "policy-missing"),
            "explicit-deny": (policy(allow(), DENY_ALL), "policy-deny"),
            "two-denies": (inline(DENY_ALL, allow(), {**DENY_ALL, "Action": "*"}), "policy-deny"),
            "boundary": (boundary(allow("ec2:*")), "permissions-boundary"),
            "inline-deny-alone": (inline_deny, "policy-deny"),
            "boundary-deny-alone": (boundary(DENY_ALL, {**DENY_ALL, "Resource": RESOURCE}), "permissions-boundary"),
            "boundary-deny": (boundary(allow("*"), DENY_ALL), "permissions-boundary"),
            "policy-condition": (
                policy({**allow(), "Condition": {"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}}}),
                "policy-condition",
            ),
        },
    ),
    *breaks(
        "B25",
        chains.pod_identity,
        "permissions",
        {
            "session-policy": (session_policy(allow("s3:GetObject")), "session-policy"),
            "session-policy-deny": (session_policy(allow(), DENY_ALL), "session-policy"),
        },
    ),
    *breaks(
        "B25",
        chains.irsa,
        "permissions",
        {"tags-of-irsa": (policy(allow(resource=TAG_PATTERN)), "session-tags-of-irsa")},
        resource=f"arn:aws:s3:::{NAMESPACE}-data",
    ),
)
