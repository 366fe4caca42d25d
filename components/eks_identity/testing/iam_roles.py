"""Evaluation of the IAM roles that a program declares: trust policy, permissions policies and boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_identity.evaluation import iam
from eks_identity.evaluation.iam import (
    Document,
    Grant,
    Policies,
    Policy,
    PolicyType,
    Reason,
    Request,
    RequestContext,
    RequestPrincipal,
    Statement,
    evaluate,
    matches,
)
from eks_identity.evaluation.iam.principals import naming
from eks_identity.model.arns import same_arn
from eks_identity.testing.deployment import Deployment, RegisteredResource
from eks_identity.testing.verdict import Answer, UnclearError

ROLE = "aws:iam/role:Role"
_AWS_MANAGED = ":iam::aws:policy/"
_ALLOW_ALL = Policy.parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all actions")
"""An identity-based policy that leaves the decision to the trust policy."""


def find(deployment: Deployment, arn: str) -> RegisteredResource:
    """Return the role with this ARN. Raises `UnclearError` if the program does not declare it."""
    for role in deployment.of(ROLE):
        if same_arn(str(role.state.get("arn", "")), arn):
            return role
    raise UnclearError(f"trust policy and permissions of {arn}: the program does not declare the role")


def trusted_provider(role: RegisteredResource, issuer: str | None) -> str | None:
    """Return the ARN of the OIDC provider that the role trusts. It is that of `issuer`, if not None."""
    host = issuer.removeprefix("https://") if issuer else None
    for statement in _trust_policy(role).statements:
        for arn in (statement.principals or {}).get("Federated", ()):
            if host is None or arn.endswith(f":oidc-provider/{host}"):
                return arn
    return None


def untrusted_reason(
    role: RegisteredResource, principal: tuple[str, str], actions: tuple[str, ...], context: Mapping[str, str]
) -> str | None:
    """Return why the trust policy does not allow `principal` to assume the role, None if it does.

    Raises `UnclearError` if the trust policy cannot be evaluated.
    """
    trust, arn, requester = _trust_policy(role), str(role.state.get("arn", "*")), _principal(principal)
    named = [each for each in trust.statements if naming(each, requester, has_boundary=False).high is not Grant.NONE]
    name, value = role.state["name"], principal[1]
    if not named:
        return f"the trust policy of role {name} does not name {value}"
    for action in actions:
        if not any(_has_action(statement, action) for statement in named):
            return f"the trust policy of role {name} does not allow {action} to {value}"
        request = Request(action, arn, requester, RequestContext(context, complete=True))
        evaluation = evaluate(request, Policies([_ALLOW_ALL], trust, is_resource_policy_required=True))
        if evaluation.answer in {iam.Answer.CONDITIONAL, iam.Answer.NOT_EVALUATED}:
            raise UnclearError(f"the trust policy of role {name}: {evaluation}")
        if evaluation.reason is Reason.EXPLICIT_DENY:
            return f"the trust policy of role {name} denies {action} to {value}"
        if not evaluation.is_allowed:
            keys = ", ".join(f"{key}={value}" for key, value in context.items())
            return f"the conditions of the trust policy of role {name} are not met by {keys or 'this request'}"
    return None


def permits(
    deployment: Deployment, role: RegisteredResource, action: str, resource: str, context: Mapping[str, str]
) -> tuple[Answer, str]:
    """Return whether the role's policies and boundary allow an action, with the reason as a sentence."""
    name = role.state["name"]
    documents, unknown = _policies(deployment, role)
    boundary = role.inputs.get("permissionsBoundary")
    boundary_policy = None if boundary is None else _managed_policy(deployment, boundary)
    if boundary is not None and _managed(deployment, boundary) is None:
        unknown.append(boundary)
    identity = [Policy.parse(document, policy) for policy, document in documents.items()]
    # The documents of AWS managed policies that a test does not pass are taken to have no Deny, as almost all of them.
    identity += [Policy.unknown(arn, may_deny=_AWS_MANAGED not in arn) for arn in unknown if arn != boundary]
    evaluation = evaluate(
        Request(action, resource, None, RequestContext(context, complete=True)),
        Policies(identity, None, boundary_policy),
    )
    if evaluation.answer is iam.Answer.ALLOWED:
        return Answer.YES, f"a policy of role {name} allows {action} on {resource}"
    if evaluation.answer is iam.Answer.DENIED:
        if evaluation.policy_type is PolicyType.BOUNDARY:
            return Answer.NO, f"broken: the permissions boundary {boundary} of role {name} does not allow {action}"
        if evaluation.reason is Reason.EXPLICIT_DENY:
            return Answer.NO, f"broken: a policy of role {name} denies {action} on {resource}"
        has = ", ".join(documents) or "none"
        return Answer.NO, f"broken: no policy of role {name} allows {action} on {resource}; it has {has}"
    if unknown:
        fix = "pass their documents in Cloud(policies={arn: document})"
        return Answer.UNKNOWN, f"unknown: the documents of {', '.join(unknown)} of role {name}; {fix}"
    return Answer.UNKNOWN, f"unknown: {evaluation}"


def _trust_policy(role: RegisteredResource) -> Policy:
    return Policy.parse(role.inputs["assumeRolePolicy"], "trust policy")


def _principal(principal: tuple[str, str]) -> RequestPrincipal:
    kind, value = principal
    if kind == "Service":
        return RequestPrincipal.service(value)
    return RequestPrincipal.provider(value) if kind == "Federated" else RequestPrincipal.of(value)


def _has_action(statement: Statement, action: str) -> bool:
    actions = statement.actions
    return actions is None or any(matches(pattern, action, ignore_case=True) for pattern in actions)


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


def _managed_policy(deployment: Deployment, arn: str) -> Policy:
    document = _managed(deployment, arn)
    return Policy.unknown(arn) if document is None else Policy.parse(document, arn)


def _managed(deployment: Deployment, arn: str) -> Document | str | None:
    """Return the document of a managed policy of the program or of `Cloud`, None if it is unknown."""
    for policy in deployment.of("aws:iam/policy:Policy"):
        if same_arn(str(policy.state.get("arn", "")), arn):
            return str(policy.inputs["policy"])
    policies = deployment.cloud.policies
    return policies.get(arn, policies.get(arn.rpartition("/")[2]))
