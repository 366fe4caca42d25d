"""The question "who can do this in AWS?": service accounts, IAM users and roles, and who gets their sessions.

| path                                                              | one hop further                        |
|-------------------------------------------------------------------|----------------------------------------|
| service account → association or annotation → role → statement    | a pod that assumes another role        |
| IAM user or role → statement                                      | a principal that may assume the role   |
| Kubernetes subject → pods of a service account with such a path   |                                        |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotReadError
from eks_access.questions.aws.pod_access import PodAccess, PodAccessSearch
from eks_access.questions.aws.role_assumers import ASSUME_ROLE, RoleAssumers
from eks_access.questions.aws.workload_sessions import WorkloadSession, WorkloadSessions, conditions_of
from eks_access.questions.chain import read_or
from eks_access.questions.cluster_subjects import Subject, SubjectKind
from eks_access.questions.who_can import Path, WhoCan, path_order
from eks_access.questions.workloads.roles import trust_policy
from eks_access.questions.workloads.workload import is_role
from eks_identity.evaluation.iam import Answer, Evaluation, Policy
from eks_identity.model.arns import account_of, find_account

_NOTES = (
    "resource-based policies are not read: they may allow or deny it to others",
    "service control policies and resource control policies are not visible, and may deny it",
    "the root user of an account is not listed",
)


def who_can_in_aws(graph: AccessGraph, action: str, resource: str) -> WhoCan:
    """Return who can do an action on a resource. Raises `NotReadError` if principals are not read."""
    search = _Search(graph, action, resource)
    paths = sorted(search.paths(), key=path_order)
    return WhoCan(f"who can {action} on {resource}?", tuple(paths), (*_NOTES, *dict.fromkeys(search.notes)))


@dataclass(frozen=True)
class _Tail:
    """The end of a path: from the service account or role to the statement."""

    steps: tuple[str, ...]
    conditions: tuple[str, ...] = ()


class _Search:
    """The search for paths to one action on one resource."""

    def __init__(self, graph: AccessGraph, action: str, resource: str) -> None:
        self._graph, self._action, self._resource = graph, action, resource
        self._sessions = WorkloadSessions(graph)
        self._assumers = RoleAssumers(graph, self._sessions.policies)
        self._trust = self._trust_of_resource()
        self._decisions: dict[tuple[str, str, tuple[str, str]], Evaluation] = {}
        self.notes: list[str] = []

    def _trust_of_resource(self) -> Policy | None:
        """Return the trust policy of the resource, if the action is to assume a role."""
        if self._action.lower() != ASSUME_ROLE.lower() or not is_role(self._resource):
            return None
        role = self._graph.principals.get(self._resource)
        trust = {} if role is None else read_or(lambda: trust_policy(role), None)
        name = f"trust policy of {self._resource}"
        return Policy.unknown(name, "it is not known") if trust is None else Policy.parse(trust, name)

    def paths(self) -> Iterator[Path]:
        """Yield all paths."""
        principals = dict(self._principals())
        for arn, tail in principals.items():
            yield Path(arn, SubjectKind.PRINCIPAL, tail.steps, tail.conditions)
        assumed = list(self._assumed(principals))
        for arn, tail in assumed:
            yield Path(arn, SubjectKind.PRINCIPAL, tail.steps, tail.conditions)
        try:
            accounts = list(self._service_accounts(principals))
        except NotReadError:
            return  # the graph's `not_read` has the service accounts
        pods = self._pods()
        for key, tail in accounts:
            subject = str(Subject(SubjectKind.SERVICE_ACCOUNT, "/".join(key)))
            yield Path(subject, SubjectKind.SERVICE_ACCOUNT, tail.steps, tail.conditions, pods=pods.get(key, ()))
        yield from self._by_pods(accounts, pods)

    def _principals(self) -> Iterator[tuple[str, _Tail]]:
        """Yield the users and roles whose policies allow the action."""
        self._graph.prefetch_iam()
        for arn in self._graph.principals.all():
            evaluation = self._sessions.policies.of(arn).evaluate(self._action, self._resource, trust=self._trust)
            if evaluation.answer is not Answer.DENIED:
                yield arn, self._tail(arn, evaluation)

    def _tail(self, arn: str, evaluation: Evaluation) -> _Tail:
        conditions = conditions_of(evaluation)
        account = find_account(self._resource)
        if self._trust is None and account not in (None, account_of(arn)):
            conditions = (*conditions, f"the policy of {self._resource} in account {account} allows it (not read)")
        return _Tail((self._statements(arn, evaluation),), conditions)

    def _statements(self, arn: str, evaluation: Evaluation) -> str:
        """Return the Allow statements of an evaluation, or, where a Deny or a boundary decides, of the policies."""
        named = (*evaluation.statements, *(each.statement for each in evaluation.conditions))
        if not any(statement.effect == "Allow" for statement in named):
            named = self._sessions.policies.of(arn).allowing(self._action, self._resource)
        words = dict.fromkeys(str(statement) for statement in named if statement.effect == "Allow")
        return " and ".join(words) or "its policies"

    def _assumed(self, principals: dict[str, _Tail]) -> Iterator[tuple[str, _Tail]]:
        """Yield the principals that may assume a role with the permission, and do not have it themselves."""
        for role_arn, tail in principals.items():
            if not is_role(role_arn):
                continue
            try:
                for arn, evaluation in self._assumers.of(role_arn).items():
                    if arn not in principals or (principals[arn].conditions and not tail.conditions):
                        yield arn, _hop(role_arn, tail, evaluation)
            except NotReadError as error:
                self.notes.append(f"who may assume {role_arn} is not evaluated: {error}")

    def _service_accounts(self, principals: dict[str, _Tail]) -> Iterator[tuple[ObjectKey, _Tail]]:
        """Yield the service accounts whose pods have the permission, or may assume a role that has it."""
        roles = {arn: tail for arn, tail in principals.items() if is_role(arn)}
        callers: dict[str, list[str]] = {}
        for role_arn in roles:
            try:
                for arn in self._assumers.of(role_arn):
                    callers.setdefault(arn, []).append(role_arn)
            except NotReadError:
                continue  # in the notes already
        for key, session in self._sessions.all().items():
            evaluation = self._decide(session)
            if evaluation.answer is not Answer.DENIED:
                tail = self._tail(session.role_arn, evaluation)
                yield key, _Tail((*session.steps, *tail.steps), (*session.conditions, *tail.conditions))
                continue
            for role_arn in callers.get(session.role_arn, ()):
                assumed = self._assumers.by_session(session, role_arn)
                if assumed.answer is not Answer.DENIED:
                    tail = _hop(role_arn, roles[role_arn], assumed)
                    yield key, _Tail((*session.steps, *tail.steps), (*session.conditions, *tail.conditions))
        self.notes += (str(each) for each in self._sessions.not_evaluated)

    def _decide(self, session: WorkloadSession) -> Evaluation:
        """Return the decision of the policies of a session. Sessions of one role share it, unless tags matter."""
        policies = self._sessions.policies_of(session)
        limit = policies.policies.session[0].name if policies.policies.session else ""
        key = (session.role_arn, limit, self._sessions.tags_key(session))
        if key not in self._decisions:
            tags = session.identity.session_tags(session.workload)
            self._decisions[key] = policies.evaluate(self._action, self._resource, tags, trust=self._trust)
        return self._decisions[key]

    def _pods(self) -> dict[ObjectKey, tuple[str, ...]]:
        """Return the names of the pods by their service account."""
        found: dict[ObjectKey, list[str]] = {}
        for pod in read_or(self._graph.pods.all, {}).values():
            found.setdefault((pod.namespace, pod.service_account), []).append(pod.name)
        return {key: tuple(sorted(names)) for key, names in found.items()}

    def _by_pods(
        self, accounts: list[tuple[ObjectKey, _Tail]], pods: dict[ObjectKey, tuple[str, ...]]
    ) -> Iterator[Path]:
        """Yield the Kubernetes subjects that get the session of one of the service accounts."""
        if not accounts:
            return
        try:
            search = PodAccessSearch(self._graph)
        except NotReadError as error:
            self.notes.append(
                f"who gets the sessions of these service accounts by Kubernetes is not evaluated: {error}"
            )
            return
        self.notes += (f"not evaluated: {each}" for each in search.not_evaluated)
        # Service accounts of one namespace and role are one path of each subject.
        grouped: dict[tuple[PodAccess, str, _Tail], list[tuple[str, str]]] = {}
        for (namespace, name), tail in accounts:
            first, rest = tail.steps[0], replace(tail, steps=tail.steps[1:])
            for access in search.find(namespace, name, pods.get((namespace, name), ())):
                grouped.setdefault((access, namespace, rest), []).append((name, first))
        for (access, namespace, rest), found in grouped.items():
            name, first = found[0]
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            means = f"may {', '.join(access.means)} in namespace {namespace}"
            steps = (*access.steps, means, f"service account {namespace}/{name}{more}", first, *rest.steps)
            yield Path(access.subject, access.kind, steps, rest.conditions, access.is_of_system)


def _hop(role_arn: str, tail: _Tail, evaluation: Evaluation) -> _Tail:
    """Return the end of a path of a caller that assumes a role first."""
    return _Tail((f"assumes role {role_arn}", *tail.steps), (*conditions_of(evaluation), *tail.conditions))
