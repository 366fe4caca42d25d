"""The plain form of what a ClusterAccess configures: `LockoutGuard` keeps it in the state, and compares two of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eks_identity.access.lockout import Change
from eks_identity.evaluation.access_changes import AccessChange, DeclaredAccess, DeclaredEntry
from eks_identity.model import lockout
from eks_identity.runtime.dynamic_provider import Properties, is_unknown


def between(olds: Properties, news: Properties) -> tuple[Change, list[str]]:
    """The change from one state of a guard to another; and the principals that cannot be judged before all are known.

    Without `declared`, which only ClusterAccess passes, the program's own words count: who is an administrator.
    """
    new = _declared(news)
    old = _declared(olds) if "declared" in olds or "declared" not in news else _earlier(olds, new)
    before, after = _known(olds.get("administrators") or ()), _known(news.get("administrators") or ())
    by_word = "declared" not in olds or "declared" not in news
    demoted = lockout.without(before, after) if by_word else []
    removed = lockout.without(old.arns, new.arns)
    undecided: list[str] = []
    if is_unknown(
        [news.get("principals"), news.get("administrators"), news.get("allow_lockout_of"), news.get("declared")]
    ):
        undecided = sorted({*removed, *demoted})
        new = _with(new, old, removed)
        if is_unknown((news.get("declared") or {}).get("policies")):
            new = replace(new, policies=new.policies | old.policies)
        demoted = []
    access = AccessChange(old, new, created=not news.get("adopted"))
    claimed = after if "declared" not in news else ()
    return Change(access, _known(news.get("allow_lockout_of") or ()), claimed, demoted), undecided


def removal(props: Properties) -> Change:
    """The removal of all that a guard knows."""
    demoted = [] if "declared" in props else props.get("administrators") or []
    return Change(AccessChange(_declared(props), DeclaredAccess()), props.get("allow_lockout_of") or [], (), demoted)


def _declared(props: Properties) -> DeclaredAccess:
    """What is known of it; an entry whose username or groups are unknown keeps those that it has."""
    fields = props.get("declared")
    if fields is None:
        return DeclaredAccess(tuple(DeclaredEntry(arn) for arn in _known(props.get("principals") or ())))
    known = {name: _known(each) for name, each in fields.items() if name != "entries"}
    # An entry of a role that the same update creates is unknown as a whole.
    entries = [each for each in _list(fields.get("entries")) if isinstance(each, dict) and not is_unknown(each["arn"])]
    known["entries"] = [{"arn": each["arn"]} if is_unknown(each) else each for each in entries]
    return DeclaredAccess.of(known)


def _earlier(olds: Properties, new: DeclaredAccess) -> DeclaredAccess:
    """What a guard of an earlier version of this library let in: its state has only the principals."""
    principals = _known(olds.get("principals") or ())
    entries = [next((each for each in new.entries if lockout.among(each.arn, [arn])), None) for arn in principals]
    return replace(
        new,
        entries=tuple(each or DeclaredEntry(arn) for arn, each in zip(principals, entries, strict=True)),
    )


def _with(new: DeclaredAccess, old: DeclaredAccess, arns: Sequence[str]) -> DeclaredAccess:
    return replace(
        new,
        entries=(*new.entries, *(each for each in old.entries if each.arn in arns)),
        mappings=(*new.mappings, *(each for each in old.mappings if each.arn in arns)),
    )


def _known(values: Any) -> list[Any]:
    return [value for value in _list(values) if not is_unknown(value)]


def _list(values: Any) -> list[Any]:
    return [] if is_unknown(values) and not isinstance(values, list) else list(values or ())
