"""An error text, and the commands that trace its cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

WORKLOAD = "NAMESPACE/NAME"
"""Stands in a command for a service account or pod that the text does not name."""
WHOAMI = ("eks-access", "trace", "whoami")


class Chain(StrEnum):
    """The chain in which the cause of an error is."""

    CREDENTIALS = "the caller's credentials and kubeconfig"
    CLUSTER_ACCESS = "cluster access"
    WORKLOAD_IDENTITY = "workload identity"
    PERMISSIONS = "the caller's IAM policies"


@dataclass(frozen=True)
class Workload:
    """The workload whose error is explained, as the user names it. Error texts of AWS do not name it."""

    kind: str = "serviceaccount"
    """`serviceaccount` or `pod`: the command of `trace`."""
    name: str = WORKLOAD
    """Namespace and name."""

    def trace(self, action: str = "", resource: str = "") -> tuple[str, ...]:
        """Return the command that traces the workload, to an action if there is one."""
        options = [*(("--action", action) if action else ()), *(("--resource", resource) if resource else ())]
        return ("eks-access", "trace", self.kind, self.name, *options)


Command = Callable[[re.Match[str], Workload], tuple[str, ...]]


@dataclass(frozen=True)
class ErrorText:
    """A text that a client or a service prints."""

    id: str
    """Stable, as the ids of findings."""
    pattern: re.Pattern[str]
    """Searched in the text, in which every white space is one blank."""
    example: str
    """The part of the text by which it is recognized."""
    chain: Chain
    meaning: str
    """What the text means. `{name}` stands for a group of the pattern."""
    cause: str
    """The link that usually causes it."""
    command: Command


def whoami(_: re.Match[str], __: Workload) -> tuple[str, ...]:
    """Return the command that traces the caller's own credentials."""
    return WHOAMI


def workload(_: re.Match[str], traced: Workload) -> tuple[str, ...]:
    """Return the command that traces the role of a workload."""
    return traced.trace()


def workload_or_whoami(_: re.Match[str], traced: Workload) -> tuple[str, ...]:
    """Return the command that traces a workload that the user names, and else the caller's own credentials."""
    return WHOAMI if traced.name == WORKLOAD else traced.trace()
