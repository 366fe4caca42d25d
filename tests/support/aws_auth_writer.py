"""One of many processes that write aws-auth at the same time, each its own entry, by the library's client."""

from __future__ import annotations

from dataclasses import dataclass

from eks_identity.clients.aws_auth import AwsAuthConfigMap
from eks_identity.model.aws_auth import AwsAuth, UserMapping


@dataclass(frozen=True)
class Written:
    """The writes of one process."""

    writes: int
    attempts: int
    """Writes and conflicts: after a conflict the client edits the newest ConfigMap again."""


def write(kubeconfig: str, arn: str, count: int) -> Written:
    """Add, change and remove the entry of `arn` in turn, `count` times in all, and check before each write that the
    entry is as the last write left it.
    """
    config_map, attempts = AwsAuthConfigMap(kubeconfig), 0
    groups: tuple[str, ...] | None = None
    for number in range(count):
        following = _following(number)

        def edit(
            before: AwsAuth, expected: tuple[str, ...] | None = groups, after: tuple[str, ...] | None = following
        ) -> AwsAuth:
            nonlocal attempts
            attempts += 1
            found = [entry.groups for entry in before.find(arn)]
            assert found == ([] if expected is None else [expected]), f"a write was lost: {found}, not {expected}"
            if expected is None:
                return before.add(UserMapping(arn, "writer", after or ()))
            own = UserMapping(arn, "writer", expected)
            return before.remove(own) if after is None else before.change(UserMapping(arn, "writer", after), own=own)

        config_map.edit(edit, lambda _before, _after: None)
        groups = following
    return Written(count, attempts)


def _following(number: int) -> tuple[str, ...] | None:
    """Return the groups after a write; None for no entry."""
    return None if number % 3 == 2 else (f"group-{number}",)


def final_groups(count: int) -> tuple[str, ...] | None:
    """Return the groups of an entry after `count` writes."""
    return _following(count - 1)
