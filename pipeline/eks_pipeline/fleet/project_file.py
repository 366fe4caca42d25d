"""The file of a Pulumi project: the name of the project, and its backend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from eks_pipeline.fleet import yaml_document
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.yaml_document import YamlError

_NAMES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


@dataclass(frozen=True)
class Project:
    """A Pulumi project. The engine reports a file that it cannot read; its values are empty here."""

    file: Path
    name: str = ""
    backend: str = ""
    """URL of the backend; empty if the file has none."""


def read_projects(stacks: Iterable[FleetStack]) -> dict[Path, Project]:
    """Return the projects of stacks by folder, each read once."""
    return {folder: read(folder) for folder in {stack.project for stack in stacks}}


def read(folder: Path) -> Project:
    """Return the project of a folder. As for the engine, it can be in a folder above."""
    file = next((file for each in (folder, *folder.parents) if (file := _file_in(each))), folder / _NAMES[0])
    try:
        document = yaml_document.load(file).value
    except YamlError:
        return Project(file)
    content = document if isinstance(document, dict) else {}
    backend = content.get("backend")
    url = backend.get("url") if isinstance(backend, dict) else None
    return Project(file, str(content.get("name") or ""), str(url or ""))


def _file_in(folder: Path) -> Path | None:
    try:
        return next((file for name in _NAMES if (file := folder / name).is_file()), None)
    except (OSError, ValueError):  # a folder whose name no file system accepts
        return None
