"""Who loses access, of a difference: a migration must not take any."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.questions.changes import Change
from eks_access.questions.diff import Difference

_WORKLOAD = "service account "


def losses(difference: Difference) -> list[str]:
    """Return who loses what, in words; nothing if every subject keeps its access."""
    narrower = {change.subject for change in difference.changes if _is_narrower(change)}
    found = [text for change in difference.changes for text in _losses(change, narrower)]
    return found + [f"{each.subject}: {each.kind.title}: {each.says}" for each in difference.lockouts]


def _is_narrower(change: Change) -> bool:
    return bool(change.lost) or (change.had_access and not change.has_access)


def _losses(change: Change, narrower: set[str]) -> Iterator[str]:
    if _is_narrower(change):
        yield f"{change.subject} loses {'; '.join(map(str, change.lost)) or 'its access'}"
    for principal in change.no_longer_trusts:
        # A service account that keeps all its permissions assumes the role, or an equal one, in another way.
        if not principal.startswith(_WORKLOAD) or principal in narrower:
            yield f"{change.subject} may no longer be assumed by {principal}"
