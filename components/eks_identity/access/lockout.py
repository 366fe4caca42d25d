"""Evaluates a change of access against a live cluster: the caller and the last administrator must keep their rights.

AWS is queried first, and the cluster only where AWS alone does not decide: a private endpoint may be unreachable. If a
required part cannot be read, the functions raise `AwsError` or `ClusterError`, and the caller rejects the change.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from itertools import chain
from typing import Any

from eks_identity.access.live_cluster import LiveCluster, bound_account_principals, mapped_principals
from eks_identity.errors import ClusterError, Problem
from eks_identity.evaluation import cluster_rights
from eks_identity.evaluation.access_changes import AccessChange, DeclaredAccess, DeclaredEntry
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterState
from eks_identity.evaluation.rbac import Rbac, RoleKey, Subject, allows
from eks_identity.model import lockout
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.identities import MASTERS
from eks_identity.model.lockout import Caller
from eks_identity.runtime.dynamic_provider import Properties, has_unknowns


@dataclass(frozen=True)
class GuardedChange:
    """A change of one declaration, and the principals that may lose access by it."""

    access: AccessChange
    allow_lockout_of: Collection[str] = ()
    """ARNs of principals that may lose access."""
    administrators: Collection[str] = ()
    """ARNs that the program lists as administrators, without declaring what makes them administrators."""
    demoted: Collection[str] = ()
    """ARNs that the program listed as administrators before the change, and no longer does."""

    @property
    def affected(self) -> list[str]:
        """ARNs of the principals whose access changes and that may not lose access."""
        return lockout.exclude({*self.access.changed, *self.demoted}, self.allow_lockout_of)


def change_between(olds: Properties, news: Properties) -> tuple[GuardedChange, list[str]]:
    """Return the change between two states of a guard, and the principals whose evaluation waits for unknown values.

    Only a ClusterAccess passes `declared`. Without it the guard trusts the listed administrators.
    """
    new = _declared_access(news)
    old = _declared_access(olds) if "declared" in olds or "declared" not in news else _access_of_older_state(olds, new)
    before, after = _resolved(olds.get("administrators") or ()), _resolved(news.get("administrators") or ())
    compares_lists = "declared" not in olds or "declared" not in news
    demoted = lockout.exclude(before, after) if compares_lists else []
    removed = lockout.exclude(old.arns, new.arns)
    undecided: list[str] = []
    if has_unknowns(
        [news.get("principals"), news.get("administrators"), news.get("allow_lockout_of"), news.get("declared")]
    ):
        undecided = sorted({*removed, *demoted})
        new = _with_principals(new, old, removed)
        if has_unknowns((news.get("declared") or {}).get("policies")):
            new = replace(new, policies=new.policies | old.policies)
        demoted = []
    access = AccessChange(old, new, created=not news.get("adopted"))
    listed = after if "declared" not in news else ()
    return GuardedChange(access, _resolved(news.get("allow_lockout_of") or ()), listed, demoted), undecided


def removal_of(props: Properties) -> GuardedChange:
    """Return the removal of all access that a guard's state has."""
    demoted = [] if "declared" in props else props.get("administrators") or []
    access = AccessChange(_declared_access(props), DeclaredAccess())
    return GuardedChange(access, props.get("allow_lockout_of") or [], (), demoted)


def _declared_access(props: Properties) -> DeclaredAccess:
    """Return the resolved part of the access; an entry with an unknown username or groups keeps its existing ones."""
    fields = props.get("declared")
    if fields is None:
        return DeclaredAccess(tuple(DeclaredEntry(arn) for arn in _resolved(props.get("principals") or ())))
    resolved = {name: _resolved(values) for name, values in fields.items() if name != "entries"}
    # An entry of a role that the same update creates is unknown as a whole.
    entries = [
        entry for entry in _as_list(fields.get("entries")) if isinstance(entry, dict) and not has_unknowns(entry["arn"])
    ]
    resolved["entries"] = [{"arn": entry["arn"]} if has_unknowns(entry) else entry for entry in entries]
    return DeclaredAccess.of(resolved)


def _access_of_older_state(olds: Properties, new: DeclaredAccess) -> DeclaredAccess:
    """Return the access of a state that an older version of this library wrote, which has only the principals."""
    principals = _resolved(olds.get("principals") or ())
    entries = [
        next((entry for entry in new.entries if lockout.is_listed(entry.arn, [arn])), None) for arn in principals
    ]
    return replace(
        new,
        entries=tuple(entry or DeclaredEntry(arn) for arn, entry in zip(principals, entries, strict=True)),
    )


def _with_principals(new: DeclaredAccess, old: DeclaredAccess, arns: Sequence[str]) -> DeclaredAccess:
    return replace(
        new,
        entries=(*new.entries, *(entry for entry in old.entries if entry.arn in arns)),
        mappings=(*new.mappings, *(mapping for mapping in old.mappings if mapping.arn in arns)),
    )


def _resolved(values: Any) -> list[Any]:
    return [value for value in _as_list(values) if not has_unknowns(value)]


def _as_list(values: Any) -> list[Any]:
    return [] if has_unknowns(values) and not isinstance(values, list) else list(values or ())


class LockoutReview:
    """The evaluation of one change against a live cluster."""

    def __init__(self, live: LiveCluster, change: GuardedChange) -> None:
        self._live = live
        self._change = change

    @cached_property
    def losing(self) -> list[str]:
        """ARNs of the principals that become another user, or lose groups or policies. Reads no RBAC."""
        if not self._change.affected or self._live.mode is None:
            return []
        before, after = self._before, _state_after(self._live, self._change, ())
        return [arn for arn in self._change.affected if _may_lose(before, after, Principal.parse(arn))]

    @property
    def is_needed(self) -> bool:
        """Whether any principal loses access by the change."""
        return bool(self.losing) or (self._change.access.changes_rbac and self._live.mode is not None)

    def problems(self, others: Sequence[AccessChange] = ()) -> list[Problem]:
        """Return the problems of the change, together with the `others` of the same update."""
        if not self.is_needed:
            return []
        change, before, after = self._change, self._before, _state_after(self._live, self._change, others)
        affected_callers = [
            caller
            for caller in self._live.callers
            if (change.access.changes_rbac or lockout.is_listed(caller.principal.arn, self.losing))
            and not lockout.is_listed(caller.principal.arn, change.allow_lockout_of)
        ]
        problems = caller_lockout_problems(affected_callers, before, after)
        if change.administrators or _has_administrator(self._live, after, change):
            return problems
        lost = _lost_administrators(self._live, before, self.losing, change)
        return problems + [lockout.last_administrator_problem(arn) for arn in lost]

    @property
    def _before(self) -> ClusterState:
        return replace(self._live.state(), entry=partial(_entry_before, self._live, self._change.access))


def caller_lockout_problems(
    callers: Iterable[Caller], before: ClusterState, after: ClusterState, *, named_in: str = "allow_lockout_of"
) -> list[Problem]:
    """Return a problem for each caller that loses rights. `named_in` is the input that allows it."""
    problems = []
    for caller in callers:
        lost = cluster_rights.describe_lost_rights(
            before.rights(caller.principal, caller.session), after.rights(caller.principal, caller.session)
        )
        if lost:
            problems.append(lockout.caller_lockout_problem(caller.principal.arn, lost, named_in=named_in))
    return problems


def administrators(live: LiveCluster, state: ClusterState, new: Sequence[Principal] = ()) -> Iterator[Principal]:
    """Yield the administrators in a state of the cluster. Those that AWS alone shows come first.

    `new` are principals that get an access entry in this state.
    """
    unread: ClusterError | None = None
    if state.mode.reads_access_entries:
        for principal in chain(new, live.cluster_admins()):
            entry = state.entry(principal)
            if entry is not None and entry.is_cluster_admin:
                yield principal
    for read in (_aws_auth_administrators, _rbac_administrators):
        try:
            yield from read(live, state, new)
        except ClusterError as error:
            unread = unread or error
    if unread is not None:
        raise unread


def _aws_auth_administrators(_live: LiveCluster, state: ClusterState, _new: Sequence[Principal]) -> Iterator[Principal]:
    if not state.mode.reads_aws_auth:
        return
    for entry in state.aws_auth().entries:
        if MASTERS in entry.groups:
            yield from filter(state.is_administrator, mapped_principals(AwsAuth(entries=(entry,))))


def _rbac_administrators(live: LiveCluster, state: ClusterState, new: Sequence[Principal]) -> Iterator[Principal]:
    rbac = state.cluster_rbac()
    if not any(_grants_administration(rbac, key) for key in rbac.bindings):
        return
    candidates = [*new, *map(Principal.parse, live.entry_arns)] if state.mode.reads_access_entries else []
    if state.mode.reads_aws_auth:
        candidates += [*mapped_principals(state.aws_auth()), *bound_account_principals(state.aws_auth(), rbac)]
    yield from filter(state.is_administrator, candidates)


def _grants_administration(rbac: Rbac, key: RoleKey) -> bool:
    """Return whether a binding may make principals administrators. aws-auth shows the members of `system:masters`."""
    binding = rbac.bindings[key]
    subjects = binding.subjects - {Subject("Group", MASTERS)}
    return key[0] is None and bool(subjects) and allows(rbac.roles.get(binding.role, ()), ADMINISTRATION)


def _entry_before(live: LiveCluster, access: AccessChange, principal: Principal) -> ExistingEntry | None:
    return None if access.creates(principal) else live.entry(principal)


def _state_after(live: LiveCluster, change: GuardedChange, others: Sequence[AccessChange]) -> ClusterState:
    changes = [*others, change.access]

    def entry(principal: Principal) -> ExistingEntry | None:
        before = _entry_before(live, change.access, principal)
        after = reduce(lambda entry, access: access.entry_after(entry, principal), changes, before)
        if after is not None and lockout.is_listed(principal.arn, change.demoted):
            return ExistingEntry(after.principal_arn)  # the remaining rights are not declared
        return after

    def rbac(read: Callable[[], Rbac]) -> Callable[[], Rbac]:
        if not any(access.changes_rbac or access.new.bindings for access in changes):
            return read
        return lambda: reduce(lambda rbac, access: access.rbac_after(rbac), changes, read())

    current = live.state()
    return replace(
        current,
        entry=entry,
        aws_auth=lambda: reduce(lambda document, access: access.aws_auth_after(document), changes, current.aws_auth()),
        cluster_rbac=rbac(current.cluster_rbac),
        namespaced_rbac=rbac(current.namespaced_rbac),
    )


def _may_lose(before: ClusterState, after: ClusterState, principal: Principal) -> bool:
    """Return whether the principal is another user after the change, or has fewer groups or policies."""
    try:
        user, user_after = before.user(principal), after.user(principal)
    except ClusterError:
        return True  # the evaluation may not need it, if AWS alone decides
    return user is not None and (user_after is None or not user_after.includes(user))


def _has_administrator(live: LiveCluster, after: ClusterState, change: GuardedChange) -> bool:
    new = [Principal.parse(entry.arn) for entry in change.access.new.entries]
    return next(administrators(live, after, new), None) is not None


def _lost_administrators(
    live: LiveCluster, before: ClusterState, losing: Sequence[str], change: GuardedChange
) -> list[str]:
    """Return the ARNs of the administrators before a change after which there is none."""
    listed = [arn for arn in losing if lockout.is_listed(arn, change.demoted)]
    if change.access.changes_rbac:
        evaluated = [principal.arn for principal in administrators(live, before)]
    else:
        evaluated = [arn for arn in losing if arn not in listed and before.is_administrator(Principal.parse(arn))]
    return list(dict.fromkeys(lockout.exclude([*listed, *evaluated], change.allow_lockout_of)))
