"""A role that a program declares: whom its trust policy lets take it on, and what its policies let it do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_identity.evaluation.iam_policies import (
    Decision,
    Document,
    UnclearError,
    decide,
    matches,
    satisfied,
    statements,
)
from eks_identity.model.arns import same_arn
from eks_identity.testing.deployment import Declared, Deployment
from eks_identity.testing.verdict import Answer

ROLE = "aws:iam/role:Role"


def find(deployment: Deployment, arn: str) -> Declared:
    """The role of that ARN. Raises `UnclearError` where the program does not declare it."""
    for role in deployment.of(ROLE):
        if same_arn(str(role.state.get("arn", "")), arn):
            return role
    raise UnclearError(f"what {arn} trusts and may do: it is not declared here")


def trusted_provider(role: Declared, issuer: str | None) -> str | None:
    """The OIDC provider that the role trusts: the one of `issuer`, where that is known."""
    host = issuer.removeprefix("https://") if issuer else None
    for statement in statements(role.inputs["assumeRolePolicy"]):
        for arn in _principals(statement, "Federated"):
            if host is None or arn.endswith(f":oidc-provider/{host}"):
                return arn
    return None


def distrust(
    role: Declared, principal: tuple[str, str], actions: tuple[str, ...], context: Mapping[str, str]
) -> str | None:
    """Why the role's trust policy does not let `principal` take it on; None where it does."""
    kind, value = principal
    named = [
        statement
        for statement in statements(role.inputs["assumeRolePolicy"])
        if value in _principals(statement, kind) or "*" in _principals(statement, kind)
    ]
    name = role.state["name"]
    if not named:
        return f"the trust policy of role {name} does not name {value}"
    for action in actions:
        about = [statement for statement in named if any(matches(one, action) for one in _actions(statement))]
        if not about:
            return f"the trust policy of role {name} does not allow {action} to {value}"
        effects = {statement["Effect"] for statement in about if satisfied(statement, context)}
        if effects != {"Allow"}:
            given = ", ".join(f"{key}={one}" for key, one in context.items())
            return f"the conditions of the trust policy of role {name} do not hold for {given or 'this call'}"
    return None


def permits(
    deployment: Deployment, role: Declared, action: str, resource: str, context: Mapping[str, str]
) -> tuple[Answer, str]:
    """What the role's policies and its boundary say, and that as a sentence."""
    name = role.state["name"]
    known, unknown = _policies(deployment, role)
    decision = decide(known.values(), action, resource, context)
    if decision is Decision.DENY:
        return Answer.NO, f"broken: a policy of role {name} denies {action} on {resource}"
    boundary = role.inputs.get("permissionsBoundary")
    within = None if boundary is None else _managed(deployment, boundary)
    if within is not None and decide([within], action, resource, context) is not Decision.ALLOW:
        return Answer.NO, f"broken: the permissions boundary {boundary} of role {name} does not allow {action}"
    if decision is Decision.ALLOW and (boundary is None or within is not None):
        return Answer.YES, f"a policy of role {name} allows {action} on {resource}"
    blind = [*unknown, *([boundary] if boundary is not None and within is None else [])]
    if blind:
        fix = "give their documents in Cloud(policies={arn: document})"
        return Answer.UNKNOWN, f"not known: what {', '.join(blind)} of role {name} says of {action}; {fix}"
    has = ", ".join(known) or "none"
    return Answer.NO, f"broken: no policy of role {name} allows {action} on {resource}; it has {has}"


def _policies(deployment: Deployment, role: Declared) -> tuple[dict[str, Document | str], list[str]]:
    """The documents of the role's policies by name, and the ARNs of those whose content is not known."""
    known: dict[str, Document | str] = {}
    unknown: list[str] = []
    for policy in deployment.of("aws:iam/rolePolicy:RolePolicy"):
        if policy.inputs["role"] == role.state["name"]:
            known[str(policy.inputs.get("name", policy.name))] = policy.inputs["policy"]
    for policy in role.inputs.get("inlinePolicies") or ():
        known[policy["name"]] = policy["policy"]
    for arn in _attached(deployment, role):
        document = _managed(deployment, arn)
        if document is None:
            unknown.append(arn)
        else:
            known[arn] = document
    return known, unknown


def _attached(deployment: Deployment, role: Declared) -> Iterator[str]:
    yield from role.inputs.get("managedPolicyArns") or ()
    for attachment in deployment.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        if attachment.inputs["role"] == role.state["name"]:
            yield attachment.inputs["policyArn"]


def _managed(deployment: Deployment, arn: str) -> Document | str | None:
    """The document of a managed policy: declared here, or told to `Cloud`."""
    for policy in deployment.of("aws:iam/policy:Policy"):
        if same_arn(str(policy.state.get("arn", "")), arn):
            return str(policy.inputs["policy"])
    told = deployment.cloud.policies
    return told.get(arn, told.get(arn.rpartition("/")[2]))


def _principals(statement: Document, kind: str) -> list[str]:
    principal = statement.get("Principal", {})
    if principal == "*":
        return ["*"]
    found = principal.get(kind, [])
    return [found] if isinstance(found, str) else list(found)


def _actions(statement: Document) -> list[str]:
    found = statement.get("Action", [])
    return [found] if isinstance(found, str) else list(found)
