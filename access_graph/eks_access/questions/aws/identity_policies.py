"""The policies of IAM principals and of the sessions of roles, each document parsed once for all who have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, IamGroup, IamPrincipal, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.workloads.permissions import session_context
from eks_access.questions.workloads.policy_commands import INLINE
from eks_access.questions.workloads.role_policies import managed_document, parse_policy
from eks_access.questions.workloads.workload import is_role
from eks_identity.evaluation.iam import (
    Evaluation,
    Grant,
    Policies,
    Policy,
    Request,
    RequestContext,
    RequestPrincipal,
    Statement,
    evaluate,
)
from eks_identity.evaluation.iam.statements import match

_SESSION_TAG: Final = "aws:principaltag/"


@dataclass(frozen=True, eq=False)
class PrincipalPolicies:
    """The policies that apply to the requests of an IAM user, or of the sessions of a role."""

    arn: str
    policies: Policies
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the user or role."""

    @property
    def statements(self) -> Iterator[Statement]:
        """The statements of all policies."""
        limits = [] if self.policies.boundary is None else [self.policies.boundary]
        for policy in (*self.policies.identity, *limits, *self.policies.session):
            yield from policy.statements

    @cached_property
    def depends_on_tags(self) -> bool:
        """Return whether a condition or a resource compares session tags."""
        return any(_depends_on_tags(statement) for statement in self.statements)

    def evaluate(
        self, action: str, resource: str, session_tags: Mapping[str, str] | None = None, *, trust: Policy | None = None
    ) -> Evaluation:
        """Return the decision of the policies on a request; to assume a role, also of its trust policy.

        Other resource-based policies are not in the graph.
        """
        policies, account = self.policies, ""
        if trust is not None:
            policies = replace(policies, resource=trust, is_resource_policy_required=True)
            account = resource.split(":")[4]
        request = Request(action, resource, self.principal(), self.context(session_tags), account)
        return evaluate(request, policies)

    def allowing(self, action: str, resource: str) -> tuple[Statement, ...]:
        """Return the Allow statements of the identity policies for a request, whether or not something denies it."""
        request = Request(action, resource, self.principal(), self.context())
        statements = (statement for policy in self.policies.identity for statement in policy.statements)
        return tuple(
            each for each in statements if each.effect == "Allow" and match(each, request).high is not Grant.NONE
        )

    def principal(self) -> RequestPrincipal:
        """Return the principal of requests."""
        return RequestPrincipal.session(self.arn, None) if is_role(self.arn) else RequestPrincipal.of(self.arn)

    def context(self, session_tags: Mapping[str, str] | None = None) -> RequestContext:
        """Return the context of requests, as far as the graph tells."""
        context = session_context(self.arn, self.tags, session_tags or {})
        return context if is_role(self.arn) else context.updated({"aws:username": self.arn.rpartition("/")[2]})


class IdentityPolicies:
    """The policies of the principals of a graph."""

    def __init__(self, graph: AccessGraph) -> None:
        self._graph = graph
        self._managed: dict[str, Policy] = {}
        self._principals: dict[str, PrincipalPolicies] = {}

    def of(self, arn: str, session: Policy | None = None) -> PrincipalPolicies:
        """Return the policies of a user or role. Those that the source did not read may allow or deny anything.

        With `session`, they are those of sessions that this session policy limits.
        """
        found = self._principals.get(arn)
        if found is None:
            found = self._principals[arn] = self._read(arn)
        if session is None:
            return found
        identity, boundary = found.policies.identity, found.policies.boundary
        return PrincipalPolicies(arn, Policies(identity, boundary=boundary, session=[session]), found.tags)

    def _read(self, arn: str) -> PrincipalPolicies:
        try:
            principal = self._graph.principals.get(arn)
        except NotReadError as error:
            return PrincipalPolicies(arn, Policies([Policy.unknown(f"policies of {arn}", error.not_read.reason)]))
        if principal is None:
            return PrincipalPolicies(arn, Policies())
        boundary = None if principal.boundary is None else self._boundary(principal.boundary)
        return PrincipalPolicies(arn, Policies(tuple(self._identity(principal)), boundary=boundary), principal.tags)

    def _identity(self, principal: IamPrincipal) -> Iterator[Policy]:
        yield from self._policies(principal.inline_policies, principal.attached_policies, "")
        if principal.other_policies is not None:
            yield Policy.unknown(f"other policies of {principal.arn}", str(principal.other_policies))
        for name in principal.groups:
            group = self._group(name)
            if isinstance(group, str):
                yield Policy.unknown(f"policies of group {name}", group)
            elif group is not None:
                yield from self._policies(group.inline_policies, group.attached_policies, f" of group {name}")

    def _boundary(self, arn: str | Unknown) -> Policy:
        return (
            Policy.unknown("permissions boundary", str(arn)) if isinstance(arn, Unknown) else self._managed_policy(arn)
        )

    def _group(self, name: str) -> IamGroup | str | None:
        try:
            return self._graph.groups.get(name)
        except NotReadError as error:
            return error.not_read.reason

    def _policies(
        self, inline: Mapping[str, Document | Unknown], attached: Sequence[str], owner: str
    ) -> Iterator[Policy]:
        for name, document in inline.items():
            text = str(document) if isinstance(document, Unknown) else document
            yield parse_policy(f"{INLINE}{name}{owner}", text)
        yield from map(self._managed_policy, attached)

    def _managed_policy(self, arn: str) -> Policy:
        policy = self._managed.get(arn)
        if policy is None:
            policy = self._managed[arn] = parse_policy(arn, managed_document(self._graph, arn))
        return policy


def _depends_on_tags(statement: Statement) -> bool:
    keys = [condition.key for condition in statement.conditions]
    keys += [value for condition in statement.conditions for value in condition.values if "${" in value]
    keys += [key for each in (*(statement.resources or ()), *(statement.not_resources or ())) for key in each.keys]
    return any(_SESSION_TAG in key.lower() for key in keys)
