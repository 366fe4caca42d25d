"""The files of `eks-access adopt`: their texts, and their comparison with the cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from eks_access.errors import UsageError
from eks_access.graph import AccessGraph
from eks_access.questions.adoption import check
from eks_access.questions.adoption.check import Change
from eks_access.questions.adoption.declarations import Adoption, Form
from eks_access.questions.adoption.imports import ImportFile, Registration, import_file
from eks_access.render.adoption.pages import adoption_page
from eks_access.render.adoption.program import PROJECT, program, project_file, stack_file
from eks_access.render.adoption.settings import settings_file, settings_of, stack_module
from eks_access.render.markdown import markdown

MAIN, IMPORTS, REPORT = "__main__.py", "import.json", "NOT_ADOPTED.md"


@dataclass(frozen=True)
class Adopted:
    """An adoption that its components accept, with what its program registers."""

    adoption: Adoption
    registered: list[Registration]
    graph: AccessGraph
    stack: str

    @property
    def imports(self) -> ImportFile:
        """The content of the import file."""
        return import_file(self.registered, self.graph)

    def files(self) -> dict[str, str]:
        """Return the text of each file by its path in the folder."""
        cluster = self.graph.cluster.get()
        files = {
            IMPORTS: json.dumps({"resources": self.imports.resources}, indent=2) + "\n",
            REPORT: markdown(adoption_page(self.adoption, shown=sys.maxsize)),
        }
        settings = f"Pulumi.{self.stack}.yaml"
        if self.adoption.form is Form.SETTINGS:
            text = settings_file(self.adoption, cluster.account, cluster.region)
            return {settings: text, f"stacks/{self.stack}.py": stack_module(), **files}
        main = program(self.adoption)
        return {MAIN: main, "Pulumi.yaml": project_file(), settings: stack_file(cluster.region), **files}

    def changes(self, folder: Path) -> tuple[Change, ...]:
        """Return how the adopted files in a folder differ from the cluster; raise `UsageError` without them."""
        before = _read_imports(folder)
        if self.adoption.form is Form.SETTINGS:
            settings = _read_settings(folder / f"Pulumi.{self.stack}.yaml")
            now = settings_of(self.adoption, self.graph.cluster.get().account)
            found = check.settings_changes(settings, now)
        else:
            found = check.program_changes(self._register(folder), self.registered, self.graph)
        return (*found, *check.import_changes(before, self.imports))

    def _register(self, folder: Path) -> list[Registration]:
        from eks_access.sources.pulumi.registrations import RejectedError, register_program  # noqa: PLC0415

        file = folder / MAIN
        if not file.is_file():
            raise UsageError(f"{file} must be an existing program", f"run `eks-access adopt {folder}` first")
        try:
            return register_program(file.resolve(), self.graph, project=PROJECT, stack=self.stack)
        except RejectedError as error:
            raise UsageError(f"{file}: {error.subject} is rejected: {error.reason}", "correct the program") from error


def _read_imports(folder: Path) -> list[Mapping[str, Any]]:
    file = folder / IMPORTS
    try:
        resources = json.loads(file.read_bytes())["resources"]
        return [dict(each) for each in resources]
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{file} must be the import file of an adoption: {error}"
        raise UsageError(message, f"run `eks-access adopt {folder}` first") from error


def _read_settings(file: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        message = f"{file} must be the settings file of an adoption: {error}"
        raise UsageError(message, "pass the --stack that it was adopted with") from error
    prefix = "eks-identity:"
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
