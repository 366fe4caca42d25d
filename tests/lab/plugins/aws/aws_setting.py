"""A stack's life as the engine tells it, and control planes that start nothing."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import trustme
from lab_project import LabStack
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from lab.interfaces import ClusterIdentity, ClusterKey, NodeGroup

_CERTIFICATE = trustme.CA().cert_pem.bytes().decode()


def new_stack(folder: Path, environment: dict[str, str], name: str) -> automation.Stack:
    """A stack of inline programs, whose state is in `folder`."""
    (folder / "state").mkdir()
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        pulumi_home=environment["PULUMI_HOME"],
        program=lambda: None,
        env_vars=environment,
        project_settings=automation.ProjectSettings(
            name="plugins",
            runtime="python",
            backend=automation.ProjectBackend(f"file://{folder}/state"),
        ),
    )
    return LabStack(name, workspace, StackInitMode.CREATE_OR_SELECT)


@contextmanager
def _loops_closed() -> Iterator[None]:
    """Closes what the SDK leaves open where a task of an inline program fails: the event loop of its thread."""
    make = asyncio.new_event_loop
    with ExitStack() as made, mock.patch.object(asyncio, "new_event_loop") as patched:
        patched.side_effect = lambda: made.enter_context(closing(make()))
        yield


@dataclass
class Step:
    """One resource in one update: what was done, and why."""

    operation: str
    differences: dict[str, str]
    replaced_for: list[str]


@dataclass
class History:
    """A stack, and what the engine did with it, update by update."""

    stack: automation.Stack
    program: Callable[[int], Any]
    steps: dict[str, Step] = field(default_factory=dict)
    _result: Any = None

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack outputs of the last update; read them before the next one."""
        return {name: output.value for name, output in self._result.outputs.items()}

    def up(self, version: int) -> dict[str, Step]:
        """Runs the program in this version; gives the steps by logical name."""
        self.steps = {}
        with _loops_closed():
            self._result = self.stack.up(program=lambda: self.program(version), on_event=self._note)
        return self.steps

    def preview(self, version: int) -> dict[str, Step]:
        self.steps = {}
        with _loops_closed():
            self.stack.preview(program=lambda: self.program(version), on_event=self._note)
        return self.steps

    def refresh(self) -> dict[str, Step]:
        self.steps = {}
        self.stack.refresh(on_event=self._note)
        return self.steps

    def resources(self) -> dict[str, dict[str, Any]]:
        """The state's resources by logical name."""
        deployment = self.stack.export_stack().deployment or {}
        return {each["urn"].rsplit("::", 1)[-1]: each for each in deployment.get("resources", ())}

    def checkpoint(self) -> str:
        """The state as it lies on disk."""
        folder = Path(self.stack.workspace.work_dir)
        return (folder / f"state/.pulumi/stacks/plugins/{self.stack.name}.json").read_text()

    def _note(self, event: automation.EngineEvent) -> None:
        found = event.resource_pre_event or event.res_outputs_event
        if found is None:
            return
        metadata = found.metadata
        operation = getattr(metadata.op, "value", metadata.op)
        name = metadata.urn.rsplit("::", 1)[-1]
        if operation in {"delete-replaced", "create-replacement"}:
            self.steps.setdefault(f"{name} {operation}", Step(operation, {}, []))
            return
        differences = {
            key: str(getattr(each.diff_kind, "value", each.diff_kind))
            for key, each in (metadata.detailed_diff or {}).items()
        }
        if name not in self.steps:
            self.steps[name] = Step(operation, differences, list(metadata.keys or ()))


class StillControlPlane:
    """A cluster of which only the names are there."""

    def __init__(self, key: ClusterKey, identity: ClusterIdentity) -> None:
        self.endpoint = "https://127.0.0.1:1"
        self.certificate_authority = _CERTIFICATE
        self.issuer = f"https://oidc.eks.{key.region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"
        self.identity = identity
        self.groups: dict[str, NodeGroup] = {}

    def jwks(self) -> dict[str, Any]:
        return {"keys": []}

    def apply_identity(self, identity: ClusterIdentity) -> None:
        self.identity = identity

    def add_node_group(self, group: NodeGroup) -> None:
        self.groups[group.name] = group

    def remove_node_group(self, name: str) -> None:
        del self.groups[name]

    def map_node_role(self, role_arn: str) -> None:
        """Nobody reads aws-auth here."""

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        del namespace, name, uid
        return False

    def stop(self) -> None:
        self.groups.clear()


class StillControlPlanes:
    def __init__(self) -> None:
        self.started: dict[str, StillControlPlane] = {}

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> StillControlPlane:
        self.started[key.name] = StillControlPlane(key, identity)
        return self.started[key.name]
