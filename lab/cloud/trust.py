"""Authorization of sts:AssumeRole and sts:TagSession: a role's trust policy, and the caller's own policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from moto.iam.models import Role

from lab.cloud import iam_lookup
from lab.cloud.context import caller_context, global_context, organization_values
from lab.cloud.policy import (
    Context,
    EvaluationResult,
    Policies,
    Policy,
    PolicyError,
    Request,
    RequestPrincipal,
    Statement,
    aws_principal,
    evaluate,
    parse,
    service_principal,
)
from lab.cloud.request_identity import Caller
from lab.cloud.sessions import Session

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
SET_SOURCE_IDENTITY = "sts:SetSourceIdentity"
_PINNED_PRINCIPALS = "pinned_principals"
"""Attribute of a moto role that maps ARNs in its trust policy to unique ids."""
_ALLOW_ALL = parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')
"""Permissions of the root user in its account. IAM has no such policy, and no IAM policy can restrict it."""


def load_trust_policy(role: Role) -> Policy:
    """Return the role's trust policy, with unique ids in place of ARNs. An invalid policy trusts no principal."""
    try:
        policy = parse(role.assume_role_policy_document, name=role.name)
    except PolicyError:
        return Policy(statements=(), name=role.name)
    unique_ids: Mapping[str, str] = vars(role).get(_PINNED_PRINCIPALS, {})
    statements = tuple(_replace_arns(statement, unique_ids) for statement in policy.statements)
    return replace(policy, statements=statements)


def pin_principals(role: Role) -> None:
    """Store the unique ids of the users and roles in a trust policy that was just written, as IAM does.

    The policy does not trust a user or role that is deleted and created again with the same ARN.
    """
    try:
        policy = parse(role.assume_role_policy_document)
    except PolicyError:
        return
    arns = {arn for statement in policy.statements for arn in (statement.principals or {}).get("AWS", ())}
    principals = {arn: iam_lookup.find_principal(arn) for arn in arns}
    vars(role)[_PINNED_PRINCIPALS] = {
        arn: principal.unique_id for arn, principal in principals.items() if principal is not None
    }


def request_principal(caller: Caller) -> RequestPrincipal:
    """Return `caller` as the principal of a policy evaluation."""
    return aws_principal(
        caller.principal.arn,
        unique_id=caller.principal.unique_id,
        account=caller.account,
        partition=caller.partition,
        session_arn=caller.arn if caller.is_role else None,
    )


def load_policies(caller: Caller) -> Policies:
    """Return the caller's identity-based policies, permissions boundary and session policies."""
    arn = caller.principal.arn
    return Policies(
        identity=[_ALLOW_ALL] if caller.is_root else iam_lookup.list_identity_policies(arn),
        boundary=iam_lookup.find_permissions_boundary(arn),
        session=[parse(document) for document in caller.session.policies] if caller.session else [],
    )


def evaluate_caller(role: Role, caller: Caller, action: str, context: Context) -> EvaluationResult:
    """Evaluate whether `caller` may perform `action` (`sts:AssumeRole`, `sts:TagSession`) on `role`."""
    caller_policies = load_policies(caller)
    return evaluate(
        Request(action, role.arn, request_principal(caller), context.merged(_resource_context(role))),
        Policies(
            identity=caller_policies.identity,
            boundary=caller_policies.boundary,
            session=caller_policies.session,
            resource=load_trust_policy(role),
            same_account=role.account_id == caller.account,
            resource_must_allow=True,
        ),
    )


def trusts(role: Role, principal: RequestPrincipal, action: str, context: Context) -> bool:
    """Return whether the trust policy allows a federated or service principal to perform `action`."""
    request = Request(action, role.arn, principal, context.merged(_resource_context(role)))
    return evaluate(request, Policies(resource=load_trust_policy(role), resource_must_allow=True)).allowed


def find_service_denial(
    role: Role,
    service: str,
    *,
    tags: Mapping[str, str],
    session_name: str,
    transitive: bool,
    source_arn: str | None,
    source_account: str | None,
) -> str | None:
    """Return the reason why `service` cannot assume `role`, or None if it can.

    The condition context of a service has no `aws:Principal…` keys of an account, and no network keys: a service does
    not forward those of its own caller.
    """
    context = global_context().merged(
        {
            **tag_context(tags),
            "sts:RoleSessionName": session_name,
            **({"sts:TransitiveTagKeys": tuple(tags)} if tags and transitive else {}),
            "aws:PrincipalServiceName": service,
            "aws:PrincipalServiceNamesList": (service,),
            "aws:PrincipalIsAWSService": "true",
            **({"aws:SourceArn": source_arn} if source_arn else {}),
            **({"aws:SourceAccount": source_account, **organization_values("Source")} if source_account else {}),
        }
    )
    actions = [ASSUME_ROLE, *([TAG_SESSION] if tags else [])]
    denied = [action for action in actions if not trusts(role, service_principal(service), action, context)]
    if not denied:
        return None
    return f"{service} cannot assume {role.arn}: its trust policy does not allow {' and '.join(denied)}"


def find_session_denial(
    role: Role,
    session: Session | None,
    *,
    session_name: str,
    tags: Mapping[str, str],
    transitive: bool,
    external_id: str | None = None,
) -> str | None:
    """Return the reason why `session` cannot assume `role` of this or another account, or None if it can."""
    if session is None or session.is_expired or not iam_lookup.exists(session.principal):
        return f"cannot assume {role.arn}: the session has expired, or its role no longer exists"
    caller = Caller.of_session(session)
    context = caller_context(caller).merged(
        {
            **tag_context(tags),
            "sts:RoleSessionName": session_name,
            **({"sts:TransitiveTagKeys": tuple(tags)} if tags and transitive else {}),
            **({} if external_id is None else {"sts:ExternalId": external_id}),
        }
    )
    actions = [ASSUME_ROLE, *([TAG_SESSION] if tags else [])]
    denied = [action for action in actions if not evaluate_caller(role, caller, action, context).allowed]
    return f"{caller.arn} cannot assume {role.arn}: not allowed {' and '.join(denied)}" if denied else None


def tag_context(tags: Mapping[str, str]) -> dict[str, str | Iterable[str]]:
    """Return the condition keys of tags in a request."""
    keys: dict[str, str | Iterable[str]] = {"aws:TagKeys": tuple(tags)} if tags else {}
    return keys | {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def _resource_context(role: Role) -> dict[str, str | Iterable[str]]:
    """Return the condition keys of the role as the resource of the call."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in iam_lookup.list_tags(role.arn).items()}
    return {"aws:ResourceAccount": role.account_id, **organization_values("Resource"), **tags}


def _replace_arns(statement: Statement, unique_ids: Mapping[str, str]) -> Statement:
    if statement.principals is None:
        return statement
    principals = {
        kind: tuple(unique_ids.get(value, value) for value in values) for kind, values in statement.principals.items()
    }
    return replace(statement, principals=principals)
