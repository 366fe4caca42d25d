"""Who may assume a role: its trust policy, together with the caller's own policies where they count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from moto.iam.models import Role

from lab.cloud import iam_lookup, organization
from lab.cloud.context import caller_context, global_context
from lab.cloud.policy import (
    Context,
    Policies,
    Policy,
    PolicyError,
    Request,
    RequestPrincipal,
    Statement,
    Verdict,
    aws_principal,
    evaluate,
    parse,
    service_principal,
)
from lab.cloud.request_identity import Caller
from lab.cloud.sessions import Session

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
_PINNED = "pinned_principals"
_EVERYTHING = parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')
"""What the root user may do in its account: no policy of IAM says so, and none can take it away."""


def trust_policy(role: Role) -> Policy:
    """The role's trust policy, its pinned principals by their unique ids; one that cannot be read trusts nobody."""
    try:
        policy = parse(role.assume_role_policy_document, name=role.name)
    except PolicyError:
        return Policy(statements=(), name=role.name)
    pinned: Mapping[str, str] = vars(role).get(_PINNED, {})
    return replace(policy, statements=tuple(_pinned(statement, pinned) for statement in policy.statements))


def pin_principals(role: Role) -> None:
    """Note which users and roles the trust policy just written means, as IAM does: one that is deleted and made again
    under the same ARN is not meant.
    """
    try:
        policy = parse(role.assume_role_policy_document)
    except PolicyError:
        return
    named = {arn for statement in policy.statements for arn in (statement.principals or {}).get("AWS", ())}
    found = {arn: iam_lookup.principal(arn) for arn in named}
    vars(role)[_PINNED] = {arn: principal.unique_id for arn, principal in found.items() if principal is not None}


def request_principal(caller: Caller) -> RequestPrincipal:
    """`caller` as resource policies name it."""
    return aws_principal(
        caller.principal.arn,
        unique_id=caller.principal.unique_id,
        account=caller.account,
        partition=caller.partition,
        session_arn=caller.arn if caller.is_role else None,
    )


def policies_of(caller: Caller) -> Policies:
    """The policies that `caller` brings along: its own, its boundary, its session's."""
    arn = caller.principal.arn
    return Policies(
        identity=[_EVERYTHING] if caller.is_root else iam_lookup.identity_policies(arn),
        boundary=iam_lookup.boundary(arn),
        session=[parse(document) for document in caller.session.policies] if caller.session else [],
    )


def judge(role: Role, caller: Caller, action: str, context: Context) -> Verdict:
    """Whether `caller` may perform `action` (`sts:AssumeRole`, `sts:TagSession`) on `role`."""
    own = policies_of(caller)
    return evaluate(
        Request(action, role.arn, request_principal(caller), context.merged(_resource_context(role))),
        Policies(
            identity=own.identity,
            boundary=own.boundary,
            session=own.session,
            resource=trust_policy(role),
            same_account=role.account_id == caller.account,
            resource_must_allow=True,
        ),
    )


def trusts(role: Role, principal: RequestPrincipal, action: str, context: Context) -> bool:
    """Whether the trust policy alone lets a federated or service principal perform `action`."""
    request = Request(action, role.arn, principal, context.merged(_resource_context(role)))
    return evaluate(request, Policies(resource=trust_policy(role), resource_must_allow=True)).allowed


def refusal_for_service(
    role: Role,
    service: str,
    *,
    tags: Mapping[str, str],
    session_name: str,
    transitive: bool,
    source_arn: str | None,
    source_account: str | None,
) -> str | None:
    """Why `service` cannot assume `role`, or None if it can.

    A service has no `aws:Principal…` of an account, and none of the keys of the network: it does not pass on those of
    whoever asked it.
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
            **({"aws:SourceAccount": source_account, **organization.keys("Source")} if source_account else {}),
        }
    )
    actions = [ASSUME_ROLE, *([TAG_SESSION] if tags else [])]
    missing = [action for action in actions if not trusts(role, service_principal(service), action, context)]
    return f"{service} cannot assume {role.arn}: its trust policy does not allow {_and(missing)}" if missing else None


def refusal_for_session(
    role: Role, session: Session | None, *, tags: Mapping[str, str], external_id: str | None = None
) -> str | None:
    """Why the holder of `session` cannot assume `role` (of this or another account), or None if it can."""
    if session is None or session.expired or not iam_lookup.still_exists(session.principal):
        return f"nobody can assume {role.arn} with a session that is over"
    caller = Caller.of_session(session)
    given = {} if external_id is None else {"sts:ExternalId": external_id}
    context = caller_context(caller).merged({**tag_context(tags), **given})
    actions = [ASSUME_ROLE, *([TAG_SESSION] if tags else [])]
    missing = [action for action in actions if not judge(role, caller, action, context).allowed]
    return f"{caller.arn} cannot assume {role.arn}: not allowed {_and(missing)}" if missing else None


def tag_context(tags: Mapping[str, str]) -> dict[str, str | Iterable[str]]:
    """The context keys of tags in a request."""
    keys: dict[str, str | Iterable[str]] = {"aws:TagKeys": tuple(tags)} if tags else {}
    return keys | {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def _resource_context(role: Role) -> dict[str, str | Iterable[str]]:
    """The context keys of the role as the resource of the call."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in iam_lookup.tags(role.arn).items()}
    return {"aws:ResourceAccount": role.account_id, **organization.keys("Resource"), **tags}


def _pinned(statement: Statement, ids: Mapping[str, str]) -> Statement:
    if statement.principals is None:
        return statement
    principals = {
        kind: tuple(ids.get(value, value) for value in values) for kind, values in statement.principals.items()
    }
    return replace(statement, principals=principals)


def _and(actions: list[str]) -> str:
    return " and ".join(actions)
