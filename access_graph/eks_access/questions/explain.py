"""The question "what does this error text mean, and which command finds its cause?". It needs no source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.questions.error_texts import credentials, iam, kubernetes
from eks_access.questions.error_texts.error_text import WORKLOAD, ErrorText, Workload
from eks_identity.errors import InvalidInput
from eks_identity.model.annotations import ROLE_ARN
from eks_identity.model.arns import Principal
from eks_identity.model.lockout import Caller, same_principal

TEXTS: Final = (*iam.TEXTS, *credentials.TEXTS, *kubernetes.TEXTS)
"""In the order in which they are searched: an exec plugin prints the AWS error before kubectl prints its own."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Explanation:
    """What an error text means."""

    error: str
    """Id of the text."""
    chain: str
    """The chain in which its cause is."""
    meaning: str
    cause: str
    """The link that usually causes it."""
    commands: tuple[tuple[str, ...], ...]
    """The commands that trace the cause; more than one if several service accounts have the role."""
    missing: str = ""
    """What to fill in, if a command has a placeholder."""

    def __str__(self) -> str:
        """Return the commands quoted for a POSIX shell, one a line."""
        return "\n".join(str(Fix((command,))) for command in self.commands)


def explain(text: str, traced: Workload | None = None, graph: AccessGraph | None = None) -> Explanation | None:
    """Return what an error text means; None if it is not one of `TEXTS`.

    Args:
        text: The text, with any lines around it.
        traced: The workload that had the error.
        graph: A graph in which to find the service accounts of the role that the text names.
    """
    line = _SPACE.sub(" ", text).strip()
    for error in TEXTS:
        match = error.pattern.search(line)
        if match is not None:
            return _explanation(error, match, traced, graph)
    return None


def _explanation(
    error: ErrorText, match: re.Match[str], traced: Workload | None, graph: AccessGraph | None
) -> Explanation:
    groups = {name: value or "" for name, value in match.groupdict().items()}
    workloads = [traced] if traced is not None else _workloads(graph, groups.get("user", "")) or [Workload()]
    commands = tuple(error.command(match, workload) for workload in workloads)
    missing = f"{WORKLOAD}: the service account of the pod that had the error" if WORKLOAD in commands[0] else ""
    meaning = error.meaning.format(**groups)
    return Explanation(error.id, error.chain, meaning, error.cause, tuple(dict.fromkeys(commands)), missing)


def _workloads(graph: AccessGraph | None, user: str) -> list[Workload]:
    """Return the service accounts of the cluster that have the role of a session."""
    try:
        caller = Caller.of(user)
    except InvalidInput:
        return []
    if graph is None or caller is None:
        return []
    roles: dict[ObjectKey, object] = {
        key: association.role_arn for key, association in graph.associations.all().items()
    }
    for key, account in graph.service_accounts.all().items():
        roles.setdefault(key, account.annotations.get(ROLE_ARN, ""))
    return [Workload(name="/".join(key)) for key, arn in sorted(roles.items()) if _is_role(arn, caller.principal)]


def _is_role(arn: object, role: Principal) -> bool:
    try:
        return isinstance(arn, str) and same_principal(Principal.parse(arn), role)
    except InvalidInput:
        return False
