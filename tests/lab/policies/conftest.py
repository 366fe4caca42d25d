"""Previews and updates with the policy pack by the real engine, and what its policies report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from lab.interfaces import AuthenticationMode
from support.access_program import Cluster
from support.lab_project import REPOSITORY, LabProject, write_project

PACK = REPOSITORY / "policies"


@dataclass
class Run:
    """One run of the engine with the policy pack."""

    has_failed: bool = False
    error: str = ""
    reports: list[tuple[str, str, str]] = field(default_factory=list)
    """Policy, level and message."""

    def policies(self, level: str = "") -> set[str]:
        return {policy for policy, own, _ in self.reports if level in {"", own}}

    def messages(self, policy: str) -> list[str]:
        return [message for own, _, message in self.reports if own == policy]


class PolicyProject(LabProject):
    """A project whose previews and updates run with the policy pack."""

    config_file: Path | None = None
    pack = PACK

    def run_with_pack(self, operation: Callable[..., Any], **options: Any) -> Run:
        run = Run()

        def note(event: automation.EngineEvent) -> None:
            if event.policy_event:
                policy = event.policy_event
                run.reports.append((policy.policy_name, policy.enforcement_level, policy.message))

        configs = {"policy_pack_configs": [str(self.config_file)]} if self.config_file else {}
        try:
            operation(on_event=note, policy_packs=[str(self.pack)], **configs, **options)
        except automation.CommandError as error:
            run.has_failed, run.error = True, str(error)
        return run

    def preview(self) -> Run:
        return self.run_with_pack(self.stack.preview)

    def up(self) -> Run:
        return self.run_with_pack(self.stack.up)

    def set(self, **settings: str) -> None:
        self.stack.set_all_config({name: automation.ConfigValue(value) for name, value in settings.items()})

    def write_policy_config(self, document: Any) -> None:
        self.config_file = self.folder / "policy-config.json"
        self.config_file.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def policy_cluster(running_lab, tools, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    return Cluster(running_lab, tools, "policies", AuthenticationMode.API_AND_CONFIG_MAP, folder)


@pytest.fixture(scope="module")
def policy_project(running_lab, tools, policy_cluster, tmp_path_factory):
    """Return a function that writes a project with a program of this folder."""

    def write(name: str) -> PolicyProject:
        folder = tmp_path_factory.mktemp(name.removesuffix("_program.py")) / "project"
        program = Path(__file__).with_name(name)
        project = PolicyProject(running_lab, tools, write_project(folder, "policies", program))
        project.set(cluster=policy_cluster.name, kubeconfig=policy_cluster.kubeconfig)
        return project

    return write
