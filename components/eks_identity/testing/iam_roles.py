"""Evaluation of the IAM roles that a program declares: trust policy, permissions policies and boundary."""

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
from eks_identity.testing.deployment import Deployment, RegisteredResource
from eks_identity.testing.verdict import Answer

ROLE = "aws:iam/role:Role"


def find(deployment: Deployment, arn: str) -> RegisteredResource:
    """Return the role with this ARN. Raises `UnclearError` if the program does not declare it."""
    for role in deployment.of(ROLE):
        if same_arn(str(role.state.get("arn", "")), arn):
            return role
    raise UnclearError(f"trust policy and permissions of {arn}: the program does not declare the role")


def trusted_provider(role: RegisteredResource, issuer: str | None) -> str | None:
    """Return the ARN of the OIDC provider that the role trusts. It is that of `issuer`, if not None."""
    host = issuer.removeprefix("https://") if issuer else None
    for statement in statements(role.inputs["assumeRolePolicy"]):
        for arn in _principals(statement, "Federated"):
            if host is None or arn.endswith(f":oidc-provider/{host}"):
                return arn
    return None


def untrusted_reason(
    role: RegisteredResource, principal: tuple[str, str], actions: tuple[str, ...], context: Mapping[str, str]
) -> str | None:
    """Return why the trust policy does not allow `principal` to assume the role, None if it does."""
    kind, value = principal
    matching = [
        statement
        for statement in statements(role.inputs["assumeRolePolicy"])
        if value in _principals(statement, kind) or "*" in _principals(statement, kind)
    ]
    name = role.state["name"]
    if not matching:
        return f"the trust policy of role {name} does not name {value}"
    for action in actions:
        relevant = [
            statement for statement in matching if any(matches(pattern, action) for pattern in _actions(statement))
        ]
        if not relevant:
            return f"the trust policy of role {name} does not allow {action} to {value}"
        effects = {statement["Effect"] for statement in relevant if satisfied(statement, context)}
        if effects != {"Allow"}:
            keys = ", ".join(f"{key}={value}" for key, value in context.items())
            return f"the conditions of the trust policy of role {name} are not met by {keys or 'this request'}"
    return None


def permits(
    deployment: Deployment, role: RegisteredResource, action: str, resource: str, context: Mapping[str, str]
) -> tuple[Answer, str]:
    """Return whether the role's policies and boundary allow an action, with the reason as a sentence."""
    name = role.state["name"]
    documents, unknown = _policies(deployment, role)
    decision = decide(documents.values(), action, resource, context)
    if decision is Decision.DENY:
        return Answer.NO, f"broken: a policy of role {name} denies {action} on {resource}"
    boundary = role.inputs.get("permissionsBoundary")
    boundary_document = None if boundary is None else _managed(deployment, boundary)
    if boundary_document is not None and decide([boundary_document], action, resource, context) is not Decision.ALLOW:
        return Answer.NO, f"broken: the permissions boundary {boundary} of role {name} does not allow {action}"
    if decision is Decision.ALLOW and (boundary is None or boundary_document is not None):
        return Answer.YES, f"a policy of role {name} allows {action} on {resource}"
    if boundary is not None and boundary_document is None:
        unknown.append(boundary)
    if unknown:
        fix = "pass their documents in Cloud(policies={arn: document})"
        return Answer.UNKNOWN, f"unknown: the documents of {', '.join(unknown)} of role {name}; {fix}"
    has = ", ".join(documents) or "none"
    return Answer.NO, f"broken: no policy of role {name} allows {action} on {resource}; it has {has}"


def _policies(deployment: Deployment, role: RegisteredResource) -> tuple[dict[str, Document | str], list[str]]:
    """Return the documents of the role's policies by name, and the ARNs of those with unknown documents."""
    documents: dict[str, Document | str] = {}
    unknown: list[str] = []
    for policy in deployment.of("aws:iam/rolePolicy:RolePolicy"):
        if policy.inputs["role"] == role.state["name"]:
            documents[str(policy.inputs.get("name", policy.name))] = policy.inputs["policy"]
    for policy in role.inputs.get("inlinePolicies") or ():
        documents[policy["name"]] = policy["policy"]
    for arn in _attached(deployment, role):
        document = _managed(deployment, arn)
        if document is None:
            unknown.append(arn)
        else:
            documents[arn] = document
    return documents, unknown


def _attached(deployment: Deployment, role: RegisteredResource) -> Iterator[str]:
    yield from role.inputs.get("managedPolicyArns") or ()
    for attachment in deployment.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        if attachment.inputs["role"] == role.state["name"]:
            yield attachment.inputs["policyArn"]


def _managed(deployment: Deployment, arn: str) -> Document | str | None:
    """Return the document of a managed policy of the program or of `Cloud`, None if it is unknown."""
    for policy in deployment.of("aws:iam/policy:Policy"):
        if same_arn(str(policy.state.get("arn", "")), arn):
            return str(policy.inputs["policy"])
    policies = deployment.cloud.policies
    return policies.get(arn, policies.get(arn.rpartition("/")[2]))


def _principals(statement: Document, kind: str) -> list[str]:
    principal = statement.get("Principal", {})
    if principal == "*":
        return ["*"]
    values = principal.get(kind, [])
    return [values] if isinstance(values, str) else list(values)


def _actions(statement: Document) -> list[str]:
    actions = statement.get("Action", [])
    return [actions] if isinstance(actions, str) else list(actions)
