"""A shell in the lab: it runs `eks-access`, and the commands that `eks-access` prints."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console

from eks_access.cli.source_options import SourceOptions
from eks_access.findings import Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.questions.list_mappings import list_mappings
from eks_access.render.page import Page
from eks_access.render.pages import mappings_page, trace_page
from eks_access.render.text import WIDTH, print_page
from lab.environment import process_environment, unset
from lab.principals import ADMINISTRATOR
from lab.scenarios.clients import CommandResult, LabClients

FIX = "  fix:       "
"""The text before a fix in the output of `eks-access`."""


@contextmanager
def inside_lab(clients: LabClients, principal: str = ADMINISTRATOR, **variables: str) -> Iterator[None]:
    """Give this process the environment of a program in the lab."""
    saved = dict(os.environ)
    for name in unset(saved):
        os.environ.pop(name, None)
    os.environ.update(process_environment(clients.home, clients.bin, principal, inherit={}) | variables)
    os.environ["PATH"] += os.pathsep + saved["PATH"]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


@dataclass(frozen=True)
class Printed:
    """A command's answer: the findings, whether all is right, and the printed text."""

    found: list[tuple[str, str]]
    """The link and the kind of each finding."""
    holds: bool
    text: str

    @property
    def fix(self) -> str:
        """The only fix, as printed."""
        (line,) = [line for line in self.text.splitlines() if line.startswith(FIX)]
        return line.removeprefix(FIX)

    def __str__(self) -> str:
        return self.text


@dataclass
class LabShell:
    """A shell of the lab's administrator, for one cluster."""

    clients: LabClients
    cluster: str
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Role to read another account, by the id of the account."""

    @property
    def source(self) -> SourceOptions:
        return SourceOptions(context=self.cluster, accounts=self.accounts)

    def trace(self, ask: Callable[[AccessGraph], Trace]) -> Printed:
        """Return what `eks-access trace` prints. It reads the living cluster."""
        with inside_lab(self.clients):
            answer = ask(self.source.open())
        links = [replace(link, finding=link.finding and self.source.completed(link.finding)) for link in answer.links]
        answer = replace(answer, links=tuple(links))
        found = [(link.name, link.finding.kind.id) for link in links if link.finding is not None]
        return Printed(found, answer.verdict is Verdict.HOLDS, _text(trace_page(answer)))

    def list_mappings(self) -> Printed:
        """Return what `eks-access list` prints. It reads the living cluster."""
        with inside_lab(self.clients):
            answer = list_mappings(self.source.open())
        answer = replace(answer, findings=tuple(map(self.source.completed, answer.findings)))
        found = [(finding.subject, finding.kind.id) for finding in answer.findings]
        return Printed(found, not found, _text(mappings_page(answer)))

    def run_eks_access(self, *arguments: str) -> CommandResult:
        """Run the command `eks-access` as a process."""
        options = [f"--context={self.cluster}", *(f"--account={key}={value}" for key, value in self.accounts.items())]
        return self.clients.run(sys.executable, "-m", "eks_access", *arguments, *options)

    def play(self, fix: str, principal: str = ADMINISTRATOR) -> None:
        """Run the text of a fix. Raises `AssertionError` if one of its commands fails."""
        environment = self.clients.environment(principal)
        if principal != ADMINISTRATOR:  # kubectl's credentials stay those of the cluster's administrator
            environment["KUBECONFIG"] = self.clients.environment()["KUBECONFIG"]
        done = subprocess.run(
            ["sh", "-c", fix], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{fix}\n{done.stdout}{done.stderr}"


def _text(page: Page) -> str:
    output = io.StringIO()
    print_page(page, Console(file=output, width=WIDTH))
    return output.getvalue()
