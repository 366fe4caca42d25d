"""AWS changes between two graphs: what service accounts gain and lose, and who may assume the roles of workloads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.aws.effective_permissions import EffectivePermissions, permissions_in_words
from eks_access.questions.aws.permission_differences import Excess, common_unknowns, excess
from eks_access.questions.aws.trust_differences import names_workloads, trust_excess
from eks_access.questions.aws.workload_sessions import WorkloadSession, WorkloadSessions
from eks_access.questions.chain import read_or, resolved
from eks_access.questions.changes import Change, System
from eks_access.questions.cluster_subjects import Subject, SubjectKind
from eks_access.questions.workloads.workload import is_role
from eks_identity.model.arns import account_of

_NOTHING = EffectivePermissions()


@dataclass
class AwsChanges:
    """The AWS part of a difference."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    """Number of service accounts with equal access."""
    not_evaluated: list[NotRead] = field(default_factory=list)


def aws_changes(before: AccessGraph, after: AccessGraph) -> AwsChanges:
    """Return the AWS changes between two graphs. Raises `NotReadError` if service accounts are not read."""
    comparison = _Comparison(before, after)
    comparison.compare_service_accounts()
    comparison.compare_trust_policies()
    return comparison.result


class _Comparison:
    """The comparison of the service accounts and roles of two graphs."""

    def __init__(self, before: AccessGraph, after: AccessGraph) -> None:
        self.before, self.after = before, after
        self.sessions = (WorkloadSessions(before), WorkloadSessions(after))
        self.old, self.new = (sessions.all() for sessions in self.sessions)
        self.result = AwsChanges()
        self._excesses: dict[tuple[EffectivePermissions, EffectivePermissions], Excess] = {}

    def compare_service_accounts(self) -> None:
        """Add the changes of service accounts."""
        self.result.not_evaluated += (each for sessions in self.sessions for each in sessions.not_evaluated)
        undecided = self.sessions[0].undecided | self.sessions[1].undecided
        for key in sorted((self.old.keys() | self.new.keys()) - undecided):
            change = self._change(key, self.old.get(key), self.new.get(key))
            if change is None:
                self.result.unchanged += 1
            else:
                self.result.changes.append(change)

    def _change(self, key: ObjectKey, old: WorkloadSession | None, new: WorkloadSession | None) -> Change | None:
        subject = Subject(SubjectKind.SERVICE_ACCOUNT, "/".join(key))
        earlier = _NOTHING if old is None else self.sessions[0].effective(old)
        later = _NOTHING if new is None else self.sessions[1].effective(new)
        gained, lost = self._excess(later, earlier), self._excess(earlier, later)
        self._report_undecided(subject, (*gained.undecided, *lost.undecided))
        if earlier is not _NOTHING and later is not _NOTHING:
            for problem in common_unknowns(earlier, later):
                self.result.not_evaluated.append(NotRead(f"policies of {subject} in AWS", problem))
        self._report_session(subject, old, new)
        if not gained.statements and not lost.statements:
            return None
        return Change(
            str(subject),
            subject.kind,
            System.AWS,
            permissions_in_words(gained.statements),
            permissions_in_words(lost.statements),
            had_access=old is not None,
            has_access=new is not None,
        )

    def _excess(self, of: EffectivePermissions, over: EffectivePermissions) -> Excess:
        """Return an excess, which service accounts of the same roles share."""
        key = (of, over)
        if key not in self._excesses:
            self._excesses[key] = excess(of, over)
        return self._excesses[key]

    def _report_undecided(self, subject: Subject, undecided: tuple[str, ...]) -> None:
        for each in undecided:
            part = f"whether {subject} gains or loses permissions in AWS"
            self.result.not_evaluated.append(NotRead(part, each))

    def _report_session(self, subject: Subject, old: WorkloadSession | None, new: WorkloadSession | None) -> None:
        """Report what may change the session itself: its conditions, and policies of resources that name the role."""
        if old is None or new is None:
            return
        if old.role_arn != new.role_arn:
            part = f"resource-based policies that name the role of {subject}"
            reason = f"{old.role_arn} before, {new.role_arn} after: they are not read"
            self.result.not_evaluated.append(NotRead(part, reason))
        if old.conditions != new.conditions:
            before, after = (" and ".join(each.conditions) or "in every case" for each in (old, new))
            part = f"whether {subject} gets the session of its role"
            self.result.not_evaluated.append(NotRead(part, f"before: {before}; after: {after}"))

    def compare_trust_policies(self) -> None:
        """Add the changes of the trust policies of workloads' roles."""
        for arn in sorted(self._roles()):
            try:
                old, new = (graph.principals.get(arn) for graph in (self.before, self.after))
                self._compare_trust(arn, old, new)
            except NotReadError as error:
                self.result.not_evaluated.append(error.not_read)

    def _roles(self) -> Iterator[str]:
        """Yield the ARNs of roles that service accounts name, or whose trust policy names workloads of the cluster."""
        found = {session.role_arn for sessions in (self.old, self.new) for session in sessions.values()}
        found |= {session.identity.role_arn for sessions in (self.old, self.new) for session in sessions.values()}
        for graph in (self.before, self.after):
            issuer = issuer_of(graph)
            for arn, role in read_or(graph.principals.all, {}).items():
                trust = role.trust_policy
                if isinstance(trust, Unknown) or trust is None or arn in found or not is_role(arn):
                    continue
                if names_workloads(trust, issuer):
                    found.add(arn)
        yield from found

    def _compare_trust(self, arn: str, old: IamPrincipal | None, new: IamPrincipal | None) -> None:
        earlier, later = (
            None if role is None else resolved(role.trust_policy, f"trust policy of {arn}") for role in (old, new)
        )
        if earlier == later:
            return
        issuer = issuer_of(self.after)
        added, removed = trust_excess(later, earlier, issuer), trust_excess(earlier, later, issuer)
        for each in (*added.undecided, *removed.undecided):
            self.result.not_evaluated.append(NotRead(f"who may assume role {arn}", each))
        trusts = tuple(each.words for each in added.trusted)
        no_longer = tuple(each.words for each in removed.trusted)
        # A role that is created or deleted with its service accounts: the changes of these say it.
        if old is None:
            trusts = self._without_workloads(trusts, self.new)
        if new is None:
            no_longer = self._without_workloads(no_longer, self.old)
        if trusts or no_longer:
            change = Change(
                iam_name(arn, self.after),
                SubjectKind.PRINCIPAL,
                System.AWS,
                trusts=trusts,
                no_longer_trusts=no_longer,
            )
            self.result.changes.append(change)

    def _without_workloads(
        self, trusted: tuple[str, ...], sessions: dict[ObjectKey, WorkloadSession]
    ) -> tuple[str, ...]:
        names = {f"service account {'/'.join(key)}" for key in sessions}
        return tuple(words for words in trusted if words not in names and not words.startswith("Pod Identity"))


def iam_name(arn: str, graph: AccessGraph) -> str:
    """Return the name of an IAM object, with its account if that is another one than the cluster's."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    is_own = account_of(arn) == read_or(lambda: graph.cluster.get().account, "")
    return f"{kind} {name if is_own else arn}"


def issuer_of(graph: AccessGraph) -> str:
    """Return the issuer of the graph's cluster without `https://`; empty if it is unknown."""
    issuer = read_or(lambda: graph.cluster.get().issuer, "")
    return "" if isinstance(issuer, Unknown) else issuer.removeprefix("https://")
