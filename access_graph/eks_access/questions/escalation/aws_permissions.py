"""The permissions of IAM users, roles and groups in AWS, with their origin.

Conditions on keys that depend on the session, the time or the caller's choice make a permission conditional. Service
control policies are not in the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, IamGroup, IamPrincipal, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.escalation.permissions import Permission, StatementOrigin, TrustOrigin
from eks_access.questions.workloads.policy_commands import INLINE
from eks_identity.evaluation.iam import (
    Answer,
    Evaluation,
    Policies,
    Policy,
    Request,
    RequestContext,
    RequestPrincipal,
    Statement,
    UndecidedStatement,
    Values,
    evaluate,
    matches,
)
from eks_identity.model.partitions import PARTITIONS, Partition

_EVERY_RESOURCE = frozenset(
    {"*", *(f"arn:{name}:iam::{rest}" for name in (*PARTITIONS, "*") for rest in ("*:role/*", "*:*", "*"))}
)
_ALLOW_ALL = Policy.parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all permissions")
_ADMINISTRATION = ("any-service:AnyAction", "iam:CreatePolicyVersion")
"""Actions that only a principal with all permissions is allowed on every resource: one is of no service."""


@dataclass(frozen=True)
class Allowed:
    """A decision that allows, maybe under conditions."""

    permission: Permission
    conditions: tuple[str, ...] = ()


@dataclass
class PrincipalPolicies:
    """The policies that apply to a user, a role, or a member of a group."""

    arn: str
    identity: tuple[Policy, ...]
    boundary: Policy | None
    own_managed: tuple[str, ...]
    """ARNs of the customer managed policies among them."""
    keys: Values = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    """ARNs of a user's IAM groups."""
    not_evaluated: dict[str, None] = field(default_factory=dict)
    """What decisions so far depend on and is not understood or not known."""

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def partition(self) -> Partition:
        return PARTITIONS[self.arn.split(":")[1]]

    @cached_property
    def request_principal(self) -> RequestPrincipal | None:
        return None if ":group/" in self.arn else RequestPrincipal.of(self.arn)

    @cached_property
    def _context(self) -> RequestContext:
        absent = ["aws:PrincipalTag/*"] if ":user/" in self.arn else []
        return RequestContext(self.keys, absent=absent)

    @cached_property
    def _statements(self) -> tuple[Statement, ...]:
        boundary = self.boundary.statements if self.boundary else ()
        return tuple(statement for policy in self.identity for statement in policy.statements) + boundary

    def may_allow(self, action: str) -> bool:
        """Return whether a statement may allow the action on some resource."""
        return next(self._allowing(action), None) is not None

    def _allowing(self, action: str) -> Iterator[Statement]:
        for policy in self.identity:
            for statement in policy.statements:
                if statement.effect == "Allow" and _is_on(statement, action):
                    yield statement

    def is_on_every_resource(self, action: str) -> bool:
        """Return whether all statements on the action, the Denies too, are on every resource of IAM."""
        return all(
            statement.resources is not None
            and any(template.text in _EVERY_RESOURCE for template in statement.resources)
            and not statement.conditions
            for statement in self._statements
            if _is_on(statement, action)
        )

    def candidates(self, action: str, arns: Collection[str]) -> list[str]:
        """Return those of `arns` on which a statement may allow the action."""
        found: dict[str, None] = {}
        for statement in self._allowing(action):
            templates = statement.resources
            if templates is None or any("${" in template.text for template in templates):
                return list(arns)
            for template in templates:
                if "*" not in template.text and "?" not in template.text:
                    found |= {template.text: None} if template.text in arns else {}
                elif template.text == "*":
                    return list(arns)
                else:
                    found |= dict.fromkeys(arn for arn in arns if matches(template.text, arn))
        return list(found)

    def examples(self, action: str) -> list[str]:
        """Return resources that fit the statements on an action, whose resource the caller names itself."""
        templates = [template for each in self._allowing(action) for template in each.resources or ()]
        texts = ["any" if each.text == "*" else each.text.replace("*", "any").replace("?", "a") for each in templates]
        return list(dict.fromkeys(["any", *texts]))

    def decide(self, action: str, resource: str, keys: Values | None = None) -> Allowed | None:
        """Return what allows an action on a resource of the same account; None if nothing does."""
        return self._allowed(self._evaluate(action, resource, keys), action, resource)

    def decide_own(self, action: str) -> Allowed | None:
        """Return what allows an action on a resource that the caller names."""
        if not self.may_allow(action):
            return None
        decisions = [self.decide(action, resource) for resource in self.examples(action)]
        return min(filter(None, decisions), key=lambda each: len(each.conditions), default=None)

    def assume(self, role_arn: str, trust: Policy, keys: Values | None = None) -> Allowed | None:
        """Return what allows to assume a role, by its trust policy and by the caller's own policies."""
        context, account = self._context.updated(keys or {}), role_arn.split(":")[4]
        request = Request("sts:AssumeRole", role_arn, self.request_principal, context, account)
        policies = Policies(self.identity, trust, self.boundary, is_resource_policy_required=True)
        decision = evaluate(request, policies)
        own = [statement for statement in decision.statements if statement.policy != trust.name]
        if decision.is_allowed and not own:
            return Allowed(Permission(f"sts:AssumeRole on {role_arn}", TrustOrigin(self.arn, role_arn)))
        return self._allowed(decision, "sts:AssumeRole", role_arn)

    def _evaluate(self, action: str, resource: str, keys: Values | None = None) -> Evaluation:
        request = Request(action, resource, self.request_principal, self._context.updated(keys or {}))
        return evaluate(request, Policies(self.identity, boundary=self.boundary))

    def _allowed(self, decision: Evaluation, action: str, resource: str) -> Allowed | None:
        if decision.answer is Answer.NOT_EVALUATED:
            self.not_evaluated |= {f"{action} of {self.arn}: {reason}": None for reason in decision.not_evaluated}
        if decision.answer not in {Answer.ALLOWED, Answer.CONDITIONAL}:
            return None
        statements = decision.statements or tuple(each.statement for each in decision.conditions)
        permission = Permission(f"{action} on {resource}", StatementOrigin(self.arn, action, resource, statements))
        return Allowed(permission, tuple(dict.fromkeys(map(_condition, decision.conditions))))

    @cached_property
    def administration(self) -> tuple[str, ...] | None:
        """The conditions under which the principal is an administrator of its account; None if it is not."""
        if not self.may_allow(_ADMINISTRATION[0]):
            return None
        decisions = [self.decide(action, "any") for action in _ADMINISTRATION]
        if any(decision is None for decision in decisions):
            return None
        return tuple(dict.fromkeys(text for decision in decisions if decision for text in decision.conditions))

    @cached_property
    def is_limited(self) -> bool:
        """Whether a permissions boundary keeps the principal from being an administrator, whatever its policies."""
        if self.boundary is None:
            return False
        policies = Policies((_ALLOW_ALL,), boundary=self.boundary)
        return any(not evaluate(Request(action, "any"), policies).is_allowed for action in _ADMINISTRATION)


def _is_on(statement: Statement, action: str) -> bool:
    if statement.problems:
        return True
    if statement.not_actions is not None:
        return not any(matches(pattern, action, ignore_case=True) for pattern in statement.not_actions)
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions or ())


def _condition(undecided: UndecidedStatement) -> str:
    parts = " and ".join(map(str, undecided.parts))
    return parts if undecided.statement.effect == "Allow" else f"not {parts}"


class AwsPermissions:
    """The policies of all IAM users, roles and groups."""

    def __init__(self, graph: AccessGraph, base: AwsPermissions | None = None) -> None:
        self.graph = graph
        self.parsed: dict[tuple[str, int], tuple[Document, Policy]] = {} if base is None else base.parsed
        """Parsed documents, which graphs with the same documents share."""
        self._principals: dict[str, PrincipalPolicies | None] = {}

    def of(self, arn: str) -> PrincipalPolicies | None:
        """Return the policies of a user, role or group; None if it does not exist or was not read."""
        if arn not in self._principals:
            try:
                self._principals[arn] = self._group(arn) if ":group/" in arn else self._principal(arn)
            except NotReadError:
                self._principals[arn] = None
        return self._principals[arn]

    def not_evaluated(self) -> Iterator[str]:
        """Yield what decisions so far depend on and is not understood or not known."""
        for policies in self._principals.values():
            if policies is not None:
                yield from policies.not_evaluated

    def _principal(self, arn: str) -> PrincipalPolicies | None:
        principal = self.graph.principals.get(arn)
        if principal is None:
            return None
        policies = list(self._policies(principal))
        managed = [*principal.attached_policies]
        groups = []
        for name in principal.groups:
            group = self.graph.groups.get(name)
            if group is not None:
                groups.append(group.arn)
                managed += group.attached_policies
                policies += self._policies(group, f"{INLINE}of group {name}: ")
        if principal.other_policies is not None:
            policies.append(Policy.unknown("other policies", str(principal.other_policies)))
        boundary = None if principal.boundary is None else self._boundary(principal.boundary)
        return PrincipalPolicies(arn, tuple(policies), boundary, _own(managed), _keys(principal), tuple(groups))

    def _group(self, arn: str) -> PrincipalPolicies | None:
        group = self.graph.groups.get(arn.rpartition("/")[2])
        if group is None:
            return None
        return PrincipalPolicies(arn, tuple(self._policies(group)), None, _own(group.attached_policies))

    def _policies(self, holder: IamPrincipal | IamGroup, prefix: str = INLINE) -> Iterator[Policy]:
        for name, document in holder.inline_policies.items():
            yield self._parse(f"{prefix}{name}", document)
        for arn in holder.attached_policies:
            yield self._managed(arn)

    def _boundary(self, arn: str | Unknown) -> Policy:
        return Policy.unknown("permissions boundary", str(arn)) if isinstance(arn, Unknown) else self._managed(arn)

    def _managed(self, arn: str) -> Policy:
        try:
            document = self.graph.policies.get(arn)
        except NotReadError as error:
            return Policy.unknown(arn, str(error))
        if document is None:
            return Policy.unknown(arn, "the source has no document of it")
        return self._parse(arn, document)

    def _parse(self, name: str, document: Document | Unknown) -> Policy:
        if isinstance(document, Unknown):
            return Policy.unknown(name, str(document))
        cached = self.parsed.get((name, id(document)))
        if cached is None:
            # The document is kept, so that no other one has its id.
            cached = self.parsed[name, id(document)] = (document, Policy.parse(document, name))
        return cached[1]


def _own(policies: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arn for arn in policies if arn.split(":")[4:5] != ["aws"]))


def _keys(principal: IamPrincipal) -> Mapping[str, str]:
    keys = {f"aws:PrincipalTag/{key}": value for key, value in principal.tags.items()}
    keys |= {"aws:PrincipalArn": principal.arn, "aws:PrincipalAccount": principal.arn.split(":")[4]}
    keys |= {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}
    is_user = ":user/" in principal.arn
    return {**keys, "aws:username": principal.arn.rpartition("/")[2]} if is_user else keys
