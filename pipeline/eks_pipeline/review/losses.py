"""Who loses access, of a difference: a migration must not take any."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from eks_access.questions.changes import Change
from eks_access.questions.diff import Difference

_WORKLOAD = "service account "


def losses(difference: Difference, keeping: Collection[str] = ()) -> list[str]:
    """Return who loses what, in words; nothing if every subject keeps its access.

    Args:
        difference: The change of access.
        keeping: ARNs of principals that keep their mapping by what the two graphs of the difference do not have.
    """
    changes = [change for change in difference.changes if change.subject not in keeping or change.lost]
    narrower = {change.subject for change in changes if _is_narrower(change)}
    found = [text for change in changes for text in _losses(change, narrower)]
    lockouts = [each for each in difference.lockouts if each.subject not in keeping]
    return found + [f"{each.subject}: {each.kind.title}: {each.says}" for each in lockouts]


def _is_narrower(change: Change) -> bool:
    return bool(change.lost) or (change.had_access and not change.has_access)


def _losses(change: Change, narrower: set[str]) -> Iterator[str]:
    if _is_narrower(change):
        yield f"{change.subject} loses {'; '.join(map(str, change.lost)) or 'its access'}"
    for principal in change.no_longer_trusts:
        # A service account that keeps all its permissions assumes the role, or an equal one, in another way.
        if not principal.startswith(_WORKLOAD) or principal in narrower:
            yield f"{change.subject} may no longer be assumed by {principal}"
