"""The AWS sessions that the pods of service accounts get, and what the policies of these sessions allow.

A service account has a session if a Pod Identity association or the role annotation names a role whose trust policy
allows the call, and for a target role if the first role may assume it too. What the source did not read, or cannot
know, is a condition of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.aws.effective_permissions import EffectivePermissions, effective_permissions
from eks_access.questions.aws.identity_policies import IdentityPolicies
from eks_access.questions.aws.principal_policies import PrincipalPolicies
from eks_access.questions.chain import resolved
from eks_access.questions.workloads import role_chain, sts_calls
from eks_access.questions.workloads.accounts import find_identity
from eks_access.questions.workloads.providers import provider_arn
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_access.questions.workloads.workload import Identity, Method, Workload, is_role
from eks_identity.evaluation.iam import Answer, Evaluation, Policy
from eks_identity.model.annotations import ROLE_ARN

_NO_TAGS: Final = ("", "")


@dataclass(frozen=True, eq=False)
class WorkloadSession:
    """The session of the pods of a service account."""

    workload: Workload
    identity: Identity
    role_arn: str
    """The role of the session: the target role, if the association has one."""
    conditions: tuple[str, ...] = ()
    """What decides whether the pods get the session; empty: they get it."""
    not_read: tuple[NotRead, ...] = ()
    """What of the conditions was not read, with the reason."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The objects from the service account to the role, in order."""
        association = self.identity.association
        first = f"annotation {ROLE_ARN}" if association is None else f"Pod Identity association {association.id}"
        target = () if self.role_arn == self.identity.role_arn else (f"target role {self.role_arn}",)
        return (first, f"role {self.identity.role_arn}", *target)

    def session_policy(self) -> Policy | None:
        """Return the session policy of the association, None if it has none."""
        association = self.identity.association
        if association is None or association.session_policy is None:
            return None
        name = f"session policy of association {association.id}"
        try:
            return Policy.parse(resolved(association.session_policy, name), name)
        except NotReadError as error:
            return Policy.unknown(name, error.not_read.reason)


class WorkloadSessions:
    """The sessions of all service accounts of a graph, each evaluated once."""

    def __init__(self, graph: AccessGraph) -> None:
        self._graph = graph
        self.policies = IdentityPolicies(graph)
        self.not_evaluated: list[NotRead] = []
        """What was not read, or is not known before an update."""
        self.undecided: set[ObjectKey] = set()
        """The service accounts of which `not_evaluated` says why nothing is known of their session."""
        self._sessions: dict[ObjectKey, WorkloadSession | None] = {}
        self._effective: dict[tuple[str, str, tuple[str, str]], EffectivePermissions] = {}
        self._limited: dict[tuple[str, str], PrincipalPolicies] = {}

    def all(self) -> dict[ObjectKey, WorkloadSession]:
        """Return the sessions of all service accounts that have one. Raises `NotReadError` if there is no list."""
        self._graph.prefetch_iam()
        found = {key: self.find(key) for key in self._named_keys()}
        return {key: session for key, session in found.items() if session is not None}

    def _named_keys(self) -> Iterator[ObjectKey]:
        """Yield the service accounts for which an association or an annotation names a role."""
        accounts = self._graph.service_accounts.all()
        annotated = (key for key, account in accounts.items() if ROLE_ARN in account.annotations)
        try:
            associated = list(self._graph.associations.all())
        except NotReadError:
            associated = []  # the graph's `not_read` has them
        yield from sorted({*annotated, *associated})

    def find(self, key: ObjectKey) -> WorkloadSession | None:
        """Return the session of the pods of a service account, None if they get none."""
        if key not in self._sessions:
            try:
                session = self._sessions[key] = _find(Workload(self._graph, *key))
                self.not_evaluated += () if session is None else session.not_read
            except NotReadError as error:
                self._sessions[key] = None
                self.undecided.add(key)
                name = f"role of service account {'/'.join(key)}"
                self.not_evaluated.append(NotRead(name, str(error.not_read)))
        return self._sessions[key]

    def policies_of(self, session: WorkloadSession) -> PrincipalPolicies:
        """Return the policies that apply to a session."""
        limit = session.session_policy()
        if limit is None:
            return self.policies.of(session.role_arn)
        key = (session.role_arn, limit.name)
        if key not in self._limited:
            self._limited[key] = self.policies.of(session.role_arn, limit)
        return self._limited[key]

    def tags_key(self, session: WorkloadSession) -> tuple[str, str]:
        """Return what the permissions of a session depend on beside its role: the service account, if tags matter."""
        is_tagged = session.identity.has_session_tags and self.policies_of(session).depends_on_tags
        return session.workload.key if is_tagged else _NO_TAGS

    def effective(self, session: WorkloadSession) -> EffectivePermissions:
        """Return the effective permissions of a session. Sessions of one role share them, unless tags matter."""
        policies = self.policies_of(session)
        limit = "" if not policies.policies.session else policies.policies.session[0].name
        key = (session.role_arn, limit, self.tags_key(session))
        if key not in self._effective:
            tags = session.identity.session_tags(session.workload) if key[2] != _NO_TAGS else {}
            self._effective[key] = effective_permissions(policies, tags)
        return self._effective[key]


def _find(workload: Workload) -> WorkloadSession | None:
    """Return the session of a workload. Raises `NotReadError` if the source does not know its role."""
    identity = find_identity(workload)
    if identity is None or not is_role(identity.role_arn):
        return None
    conditions = _Conditions()
    if identity.method is Method.IRSA:
        holds = conditions.hold(lambda: _has_provider(workload, identity))
    else:
        holds = conditions.hold(lambda: _has_account_and_agent(workload))
    graph, role_arn = workload.graph, identity.role_arn

    def assume_first() -> Evaluation:
        return sts_calls.first_call(workload, identity).evaluate(trust_policy(existing_role(graph, role_arn)))

    if not holds or not conditions.hold(lambda: graph.principals.get(role_arn) is not None):
        return None
    if not conditions.allow(assume_first):
        return None
    target = identity.target_role_arn
    if target is not None:
        exists = conditions.hold(lambda: graph.principals.get(target) is not None)
        if not exists or not conditions.allow(lambda: _assume(workload, identity, target)):
            return None
    found = tuple(dict.fromkeys(conditions.found))
    return WorkloadSession(workload, identity, target or role_arn, found, tuple(conditions.not_read))


def _has_account_and_agent(workload: Workload) -> bool:
    return workload.account() is not None and workload.graph.has_pod_identity_agent.get()


def _has_provider(workload: Workload, identity: Identity) -> bool:
    provider = workload.graph.oidc_providers.get(provider_arn(workload, identity))
    return provider is not None and workload.audience() in provider.audiences


def _assume(workload: Workload, identity: Identity, target: str) -> Evaluation:
    """Return whether the session of the first role may assume the target role."""
    call = sts_calls.target_call(workload, identity, target)
    return role_chain.decide(workload, call, trust_policy(existing_role(workload.graph, target)))[0]


class _Conditions:
    """What decides whether a service account has its session."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.not_read: list[NotRead] = []

    def hold(self, check: Callable[[], bool]) -> bool:
        """Return whether a check holds. What it could not read is a condition."""
        try:
            return check()
        except NotReadError as error:
            self.not_read.append(error.not_read)
            self.found.append(f"{error.not_read.part} is as required (not read)")
            return True

    def allow(self, evaluate: Callable[[], Evaluation]) -> bool:
        """Return whether an evaluation may allow, and add its conditions."""

        def check() -> bool:
            evaluation = evaluate()
            self.found += conditions_of(evaluation)
            return evaluation.answer is not Answer.DENIED

        return self.hold(check)


def conditions_of(evaluation: Evaluation) -> tuple[str, ...]:
    """Return what an evaluation depends on, in words: all of it must hold."""
    if evaluation.answer is Answer.NOT_EVALUATED:
        return tuple(f"not evaluated: {each}" for each in evaluation.not_evaluated)
    if evaluation.answer is not Answer.CONDITIONAL:
        return ()
    allows: dict[str, list[str]] = {}
    denies = []
    for each in evaluation.conditions:
        parts = " and ".join(map(str, each.parts))
        if each.statement.effect == "Deny":
            denies.append(f"not ({parts})")
        else:
            allows.setdefault(each.policy_type, []).append(parts)
    return (*(" or ".join(dict.fromkeys(parts)) for parts in allows.values()), *dict.fromkeys(denies))
