"""The policies of one IAM principal or IAM group, and what they decide on a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from eks_access.questions.workloads.permissions import session_context
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
    matches,
)
from eks_identity.evaluation.iam.statements import match
from eks_identity.model.arns import account_of

_SESSION_TAG: Final = "aws:principaltag/"


@dataclass(frozen=True, eq=False)
class PrincipalPolicies:
    """The policies that apply to the requests of an IAM user, of the sessions of a role, or of a member of a group."""

    arn: str
    policies: Policies
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the user or role."""
    managed: tuple[str, ...] = ()
    """ARNs of the managed policies among them."""
    groups: tuple[str, ...] = ()
    """ARNs of a user's IAM groups."""

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements of all policies."""
        limits = [] if self.policies.boundary is None else [self.policies.boundary]
        policies = (*self.policies.identity, *limits, *self.policies.session)
        return tuple(statement for policy in policies for statement in policy.statements)

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
            account = account_of(resource)
        request = Request(action, resource, self.principal, self.context(session_tags), account)
        return evaluate(request, policies)

    def allowing(self, action: str, resource: str) -> tuple[Statement, ...]:
        """Return the Allow statements of the identity policies for a request, whether or not something denies it."""
        request = Request(action, resource, self.principal, self.context())
        return tuple(each for each in self.on(action) if match(each, request).high is not Grant.NONE)

    def on(self, action: str) -> Iterator[Statement]:
        """Yield the Allow statements of the identity policies that may be on an action."""
        for policy in self.policies.identity:
            for statement in policy.statements:
                if statement.effect == "Allow" and is_on(statement, action):
                    yield statement

    def may_allow(self, action: str) -> bool:
        """Return whether a statement may allow the action on some resource."""
        return next(self.on(action), None) is not None

    @cached_property
    def principal(self) -> RequestPrincipal | None:
        """The principal of requests; None for a group, which makes none."""
        return None if ":group/" in self.arn else RequestPrincipal.of(self.arn)

    def context(self, session_tags: Mapping[str, str] | None = None, *, has_other_tags: bool = False) -> RequestContext:
        """Return the context of requests, as far as the graph tells.

        With `has_other_tags`, sessions of a role may have tags that are not known.
        """
        if ":group/" in self.arn:
            return RequestContext()
        if is_role(self.arn):
            return session_context(self.arn, self.tags, session_tags or {}, has_other_tags=has_other_tags)
        return session_context(self.arn, self.tags, {}).updated({"aws:username": self.arn.rpartition("/")[2]})


def is_on(statement: Statement, action: str) -> bool:
    """Return whether a statement may be on an action. One that is not understood may be on every action."""
    if statement.problems:
        return True
    if statement.not_actions is not None:
        return not any(matches(pattern, action, ignore_case=True) for pattern in statement.not_actions)
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions or ())


def _depends_on_tags(statement: Statement) -> bool:
    keys = [condition.key for condition in statement.conditions]
    keys += [value for condition in statement.conditions for value in condition.values if "${" in value]
    keys += [key for each in (*(statement.resources or ()), *(statement.not_resources or ())) for key in each.keys]
    return any(_SESSION_TAG in key.lower() for key in keys)
