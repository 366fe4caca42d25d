"""What the process of a stack is told to do: the first line of its standard input."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from eks_pipeline.fleet.migration_steps import Migration
from eks_pipeline.report import Operation

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of an operation, the same for all stacks of a run."""

    show_secrets: bool = False
    policy_packs: tuple[Path, ...] = ()
    """Folders of policy packs that previews and updates run."""
    save_plans: Path | None = None
    """Folder for the engine's update plans, one file for each stack."""
    refresh: bool = False
    """Whether an update and its preview read the resources that exist first."""
    allow_missing: bool = False
    """Whether the state of a stack that does not exist is exported as an empty one."""
    migration: Migration | None = None
    """What `migrate` migrates."""
    plans: Path | None = None
    """Folder with update plans: the engine rejects an update that differs from its plan."""
    reviewed: Path | None = None
    """The reviewed preview of the fleet, which an update must equal."""
    require_approval: tuple[str, ...] = ()
    """Categories of changes of access that need an approval."""
    approved: tuple[str, ...] = ()
    """Digests of approved changes of access."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on one stack."""

    name: str
    """Name of the stack in the fleet."""
    stack: str
    """Name of the stack in its backend."""
    project: Path
    """Folder of `Pulumi.yaml`."""
    operation: Operation
    folder: Path
    """Folder of this stack in the run: its preview and its logs."""
    config_file: Path | None = None
    """Settings file instead of `Pulumi.<stack>.yaml`."""
    environment: dict[str, str] = {}
    """Environment variables of the engine and the program, in addition to those of the pipeline."""
    inputs: dict[str, str] = {}
    """Digests of what decides the update: the program, the settings and the policy packs."""
    options: Options = Options()

    @property
    def preview_file(self) -> Path:
        return self.folder / "preview.json"

    @property
    def settings(self) -> Path:
        """The settings file that the engine reads. `organization/project/dev` has that of `dev`."""
        return self.config_file or self.project / f"Pulumi.{self.stack.rpartition('/')[2]}.yaml"

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    def plan_in(self, plans: Path) -> Path:
        """Return the file of this stack's update plan in a folder of plans."""
        return plans / f"{self.name}.plan.json"


def encode(value: Any) -> bytes:
    """Return a job or a request as JSON in one line."""
    return msgspec.json.encode(value, enc_hook=_path_text)


def decode(text: bytes, kind: type[T]) -> T:
    """Return the job or request of JSON; raise `msgspec.MsgspecError` for other text."""
    return msgspec.json.decode(text, type=kind, dec_hook=_path)


def _path_text(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)
