"""A large access graph: many service accounts, of which some have one of many roles."""

from __future__ import annotations

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import BindingSubject, Pod, RbacBinding, ServiceAccount
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.rbac import rule_on
from support.access_graphs import Objects, arn, group, role
from support.workload_chains import (
    AUDIENCE,
    ISSUER,
    ROLE_ANNOTATION,
    allow,
    document,
    irsa_statement,
    pod_identity_statement,
    provider_arn,
)

_SHARED = 20
"""Number of managed policies that the roles share."""
_ACCOUNTS_OF_ROLE = 5


def large_objects(
    *, accounts: int, roles: int, pods: int = 0, bindings: int = 0, namespaces: int = 200, action: str = "s3:GetObject"
) -> Objects:
    """Return the objects of a large graph; `action` is what every second role may do with its bucket."""
    policies = {
        arn(f"policy/shared-{index}"): document(allow([f"sqs:{verb}*" for verb in ("Send", "Get", "List")]))
        for index in range(_SHARED)
    }
    principals = {arn(f"role/app-{index}"): _role(index, action) for index in range(roles)}
    users = {arn(f"user/dev-{index}"): IamPrincipal(arn(f"user/dev-{index}")) for index in range(200)}
    keys = [(f"ns-{index % namespaces}", f"sa-{index}") for index in range(accounts)]
    named = {key: arn(f"role/app-{index % roles}") for index, key in enumerate(keys[: roles * _ACCOUNTS_OF_ROLE])}
    associated = {key: role_arn for index, (key, role_arn) in enumerate(named.items()) if index % 2}
    return Objects(
        principals={**principals, **users},
        policies=policies,
        oidc_providers={provider_arn(): OidcProvider(provider_arn(), ISSUER, (AUDIENCE,))},
        entries={user: ExistingEntry(user, user, ("developers",)) for user in users},
        associations={key: PodIdentityAssociation(f"a-{key[1]}", *key, each) for key, each in associated.items()},
        rbac_roles={
            **role("edit", (rule_on("", "pods", ("create",)),)),
            **role("view", (rule_on("", "pods", ("get",)),)),
        },
        rbac_bindings=dict(_binding(index, namespaces) for index in range(bindings)),
        service_accounts={
            key: ServiceAccount(*key, {ROLE_ANNOTATION: named[key]} if key in named and key not in associated else {})
            for key in keys
        },
        pods={
            (keys[index % accounts][0], f"pod-{index}"): Pod(keys[index % accounts][0], f"pod-{index}", keys[index][1])
            for index in range(pods)
        },
    )


def _role(index: int, action: str) -> IamPrincipal:
    subject = irsa_statement()
    condition = {
        "StringEquals": {f"{ISSUER}:aud": AUDIENCE},
        "StringLike": {f"{ISSUER}:sub": "system:serviceaccount:*"},
    }
    own = action if index % 2 else "s3:PutObject"
    return IamPrincipal(
        arn(f"role/app-{index}"),
        trust_policy=document({**subject, "Condition": condition}, pod_identity_statement()),
        inline_policies={
            "app": document(allow([own, "s3:ListBucket"], [f"arn:aws:s3:::bucket-{index}", "arn:aws:s3:::shared/*"]))
        },
        attached_policies=(arn(f"policy/shared-{index % _SHARED}"),),
    )


def _binding(index: int, namespaces: int) -> tuple[RoleKey, RbacBinding]:
    namespace = f"ns-{index % namespaces}"
    subject = group("developers") if index % 10 == 0 else BindingSubject("ServiceAccount", f"ci-{index}", namespace)
    bound = RbacBinding(namespace, f"b-{index}", "ClusterRole", "edit" if index % 2 else "view", (subject,))
    return bound.key, bound
