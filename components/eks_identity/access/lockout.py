"""Evaluates a change of access against a live cluster: does it lock out the caller, or everybody?

AWS is queried first and the cluster only if AWS alone does not answer: a private endpoint may be out of reach.
What is needed and cannot be read raises `AwsError` or `ClusterError`; whoever calls this module rejects the change.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from itertools import chain

from eks_identity.access.live_cluster import LiveCluster, bound_by_account, mapped
from eks_identity.errors import ClusterError, Problem
from eks_identity.evaluation import cluster_rights
from eks_identity.evaluation.access_changes import AccessChange
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterState
from eks_identity.evaluation.rbac import Rbac, RoleKey, Subject, allows
from eks_identity.model import lockout
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.identities import MASTERS
from eks_identity.model.lockout import Caller


@dataclass(frozen=True)
class Change:
    """A change of one declaration, and what may be lost by it."""

    access: AccessChange
    allow_lockout_of: Collection[str] = ()
    """ARNs of principals that may lose access."""
    administrators: Collection[str] = ()
    """Principals that the program calls administrators, without saying what makes them so."""
    demoted: Collection[str] = ()
    """Principals that the program called so before the change."""

    @property
    def affected(self) -> list[str]:
        """ARNs of the principals that the change concerns and that may not lose access."""
        return lockout.without({*self.access.changed, *self.demoted}, self.allow_lockout_of)


class Review:
    """The evaluation of one change against a live cluster."""

    def __init__(self, live: LiveCluster, change: Change) -> None:
        self._live = live
        self._change = change

    @cached_property
    def losing(self) -> list[str]:
        """ARNs of the principals that become another user, or lose groups or policies. Reads no RBAC."""
        if not self._change.affected or self._live.mode is None:
            return []
        before, after = self._before, _after(self._live, self._change, ())
        return [arn for arn in self._change.affected if _may_lose(before, after, Principal.parse(arn))]

    @property
    def is_needed(self) -> bool:
        """Whether the change takes anything from anybody."""
        return bool(self.losing) or (self._change.access.changes_rbac and self._live.mode is not None)

    def problems(self, others: Sequence[AccessChange] = ()) -> list[Problem]:
        """Why the change must not be made, together with the `others` of the same update."""
        if not self.is_needed:
            return []
        change, before, after = self._change, self._before, _after(self._live, self._change, others)
        touched = [
            caller
            for caller in self._live.callers
            if (change.access.changes_rbac or lockout.among(caller.principal.arn, self.losing))
            and not lockout.among(caller.principal.arn, change.allow_lockout_of)
        ]
        found = callers_locked_out(touched, before, after)
        if change.administrators or _has_administrator(self._live, after, change):
            return found
        removed = _administrators_lost(self._live, before, self.losing, change)
        return found + [lockout.last_administrator(arn) for arn in removed]

    @property
    def _before(self) -> ClusterState:
        return replace(self._live.state(), entry=partial(_entry_before, self._live, self._change.access))


def callers_locked_out(
    callers: Iterable[Caller], before: ClusterState, after: ClusterState, *, named_in: str = "allow_lockout_of"
) -> list[Problem]:
    """A problem for each caller that does not keep its rights."""
    found = []
    for caller in callers:
        arn, who = caller.principal.arn, (caller.principal, caller.session)
        lost = cluster_rights.lost(before.rights(*who), after.rights(*who))
        if lost:
            found.append(lockout.caller_locked_out(arn, lost, named_in=named_in))
    return found


def administrators(live: LiveCluster, state: ClusterState, new: Sequence[Principal] = ()) -> Iterator[Principal]:
    """The administrators in a state of the cluster; what AWS alone knows comes first.

    `new` are principals that get an access entry in this state.
    """
    unread: ClusterError | None = None
    if state.mode.reads_access_entries:
        for who in chain(new, live.cluster_admins()):
            entry = state.entry(who)
            if entry is not None and entry.is_cluster_admin:
                yield who
    for read in (_by_aws_auth, _by_rbac):
        try:
            yield from read(live, state, new)
        except ClusterError as error:
            unread = unread or error
    if unread is not None:
        raise unread


def _by_aws_auth(_live: LiveCluster, state: ClusterState, _new: Sequence[Principal]) -> Iterator[Principal]:
    if not state.mode.reads_aws_auth:
        return
    for entry in state.aws_auth().entries:
        if MASTERS in entry.groups:
            yield from filter(state.is_administrator, mapped(AwsAuth(entries=(entry,))))


def _by_rbac(live: LiveCluster, state: ClusterState, new: Sequence[Principal]) -> Iterator[Principal]:
    rbac = state.cluster_rbac()
    if not any(_administers(rbac, key) for key in rbac.bindings):
        return
    candidates = [*new, *map(Principal.parse, live.principals)] if state.mode.reads_access_entries else []
    if state.mode.reads_aws_auth:
        candidates += [*mapped(state.aws_auth()), *bound_by_account(state.aws_auth(), rbac)]
    yield from filter(state.is_administrator, candidates)


def _administers(rbac: Rbac, key: RoleKey) -> bool:
    """Whether a binding may make principals administrators. The group `system:masters` is looked for in aws-auth."""
    binding = rbac.bindings[key]
    others = binding.subjects - {Subject("Group", MASTERS)}
    return key[0] is None and bool(others) and allows(rbac.roles.get(binding.role, ()), ADMINISTRATION)


def _entry_before(live: LiveCluster, access: AccessChange, who: Principal) -> ExistingEntry | None:
    return None if access.creates(who) else live.entry(who)


def _after(live: LiveCluster, change: Change, others: Sequence[AccessChange]) -> ClusterState:
    made = [*others, change.access]

    def entry(who: Principal) -> ExistingEntry | None:
        found = reduce(lambda entry, each: each.entry_after(entry, who), made, _entry_before(live, change.access, who))
        if found is not None and lockout.among(who.arn, change.demoted):
            return ExistingEntry(found.principal_arn)  # what it still may do is not declared
        return found

    def rbac(read: Callable[[], Rbac]) -> Callable[[], Rbac]:
        if not any(each.changes_rbac or each.new.bindings for each in made):
            return read
        return lambda: reduce(lambda rbac, each: each.rbac_after(rbac), made, read())

    now = live.state()
    return replace(
        now,
        entry=entry,
        aws_auth=lambda: reduce(lambda document, each: each.aws_auth_after(document), made, now.aws_auth()),
        cluster_rbac=rbac(now.cluster_rbac),
        namespaced_rbac=rbac(now.namespaced_rbac),
    )


def _may_lose(before: ClusterState, after: ClusterState, who: Principal) -> bool:
    """Whether the principal is another user after the change, or has fewer groups or policies."""
    try:
        user, left = before.user(who), after.user(who)
    except ClusterError:
        return True  # judged without it, if AWS alone can tell
    return user is not None and (left is None or not left.includes(user))


def _has_administrator(live: LiveCluster, after: ClusterState, change: Change) -> bool:
    new = [Principal.parse(entry.arn) for entry in change.access.new.entries]
    return next(administrators(live, after, new), None) is not None


def _administrators_lost(live: LiveCluster, before: ClusterState, losing: Sequence[str], change: Change) -> list[str]:
    """The administrators before the change, of which none is left."""
    claimed = [arn for arn in losing if lockout.among(arn, change.demoted)]
    if change.access.changes_rbac:
        found = [who.arn for who in administrators(live, before)]
    else:
        found = [arn for arn in losing if arn not in claimed and before.is_administrator(Principal.parse(arn))]
    return list(dict.fromkeys(lockout.without([*claimed, *found], change.allow_lockout_of)))
