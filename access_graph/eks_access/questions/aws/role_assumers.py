"""IAM principals that may assume a role: its trust policy names them, and their own policies allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from eks_access.graph import AccessGraph
from eks_access.questions.aws.identity_policies import IdentityPolicies
from eks_access.questions.aws.workload_sessions import WorkloadSession
from eks_access.questions.workloads import role_chain, sts_calls
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_identity.evaluation.iam import Answer, Document, Evaluation, Policy, Statement
from eks_identity.model.arns import account_of, find_account

ASSUME_ROLE = "sts:AssumeRole"
_ASSUMED_ROLE = ":assumed-role/"


class RoleAssumers:
    """The principals of a graph that may assume roles."""

    def __init__(self, graph: AccessGraph, policies: IdentityPolicies) -> None:
        self._graph = graph
        self._policies = policies
        self._by_role: dict[str, Mapping[str, Evaluation]] = {}
        self._by_sessions: dict[tuple[str, str, bool, tuple[str, str]], Evaluation] = {}

    def of(self, role_arn: str) -> Mapping[str, Evaluation]:
        """Return the principals that may assume a role, with the decision.

        Raises `NotReadError` if the trust policy of the role was not read.
        """
        if role_arn not in self._by_role:
            self._by_role[role_arn] = dict(self._find(role_arn))
        return self._by_role[role_arn]

    def _find(self, role_arn: str) -> Iterator[tuple[str, Evaluation]]:
        trust = Policy.parse(trust_policy(existing_role(self._graph, role_arn)), f"trust policy of {role_arn}")
        for arn in sorted(self._candidates(trust)):
            evaluation = self._policies.of(arn).evaluate(ASSUME_ROLE, role_arn, trust=trust)
            if arn != role_arn and evaluation.answer is not Answer.DENIED:
                yield arn, evaluation

    def by_session(self, session: WorkloadSession, role_arn: str) -> Evaluation:
        """Return whether the pods of a service account may assume a role themselves."""
        trust = trust_policy(existing_role(self._graph, role_arn))
        per_account = session.workload.key if self._compares_tags(trust, session) else ("", "")
        key = (session.role_arn, role_arn, session.identity.has_session_tags, per_account)
        if key not in self._by_sessions:
            call = sts_calls.next_role_call(session.workload, session.identity, session.role_arn, role_arn)
            self._by_sessions[key] = role_chain.decide(session.workload, call, trust)[0]
        return self._by_sessions[key]

    def _compares_tags(self, trust: Document, session: WorkloadSession) -> bool:
        return "tag/" in repr(trust).lower() or self._policies.of(session.role_arn).depends_on_tags

    def _candidates(self, trust: Policy) -> set[str]:
        """Return the users and roles that a trust policy may name."""
        found: set[str] = set()
        for statement in trust.statements:
            if statement.effect == "Allow":
                for name in _names(statement):
                    found |= self._named(name)
        return found

    def _named(self, name: str) -> set[str]:
        if name == "*":
            return set(self._may_assume)
        if name in self._principals:
            return {name}
        account = find_account(name)
        if _ASSUMED_ROLE in name:
            role = name.partition(_ASSUMED_ROLE)[2].partition("/")[0]
            return {arn for arn in self._principals if _is_role_named(arn, account, role)}
        trusted = name if name.isdigit() else account if name.endswith(":root") else None
        return {arn for arn in self._may_assume if account_of(arn) == trusted}

    @cached_property
    def _principals(self) -> frozenset[str]:
        return frozenset(self._graph.principals.all())

    @cached_property
    def _may_assume(self) -> tuple[str, ...]:
        """The principals with a statement for `sts:AssumeRole`."""
        return tuple(arn for arn in self._principals if self._policies.of(arn).may_allow(ASSUME_ROLE))


def _names(statement: Statement) -> tuple[str, ...]:
    if statement.problems:
        return ("*",)
    return (statement.principals or {}).get("AWS", ())


def _is_role_named(arn: str, account: str | None, name: str) -> bool:
    return ":role/" in arn and account_of(arn) == account and arn.rpartition("/")[2] == name
