"""A stack with the steps of its updates, and simulated control planes without processes."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import trustme
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from lab.interfaces import ClusterIdentity, ClusterKey, NodeGroup, NodeInstance
from support.lab_project import LabStack

_CERTIFICATE = trustme.CA().cert_pem.bytes().decode()


def new_stack(folder: Path, environment: dict[str, str], name: str) -> automation.Stack:
    """Create a stack of inline programs with its state in `folder`."""
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
    """Close the event loop of an inline program's thread, which the SDK leaves open after a failure."""
    new_event_loop = asyncio.new_event_loop
    with ExitStack() as loops, mock.patch.object(asyncio, "new_event_loop") as patched:
        patched.side_effect = lambda: loops.enter_context(closing(new_event_loop()))
        yield


@dataclass
class Step:
    """Operation, differences and replacement causes of a resource in an update."""

    operation: str
    differences: dict[str, str]
    replaced_for: list[str]


@dataclass
class History:
    """A stack and the steps of its last update."""

    stack: automation.Stack
    program: Callable[[int], Any]
    steps: dict[str, Step] = field(default_factory=dict)
    _result: Any = None

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack outputs of the last update; read them before the next one."""
        return {name: output.value for name, output in self._result.outputs.items()}

    def up(self, version: int) -> dict[str, Step]:
        """Update with this version of the program, and return the steps by logical name."""
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
        """Return the state's resources by logical name."""
        deployment = self.stack.export_stack().deployment or {}
        return {resource["urn"].rsplit("::", 1)[-1]: resource for resource in deployment.get("resources", ())}

    def checkpoint(self) -> str:
        """Return the text of the state file."""
        folder = Path(self.stack.workspace.work_dir)
        return (folder / f"state/.pulumi/stacks/plugins/{self.stack.name}.json").read_text()

    def _note(self, event: automation.EngineEvent) -> None:
        step_event = event.resource_pre_event or event.res_outputs_event
        if step_event is None:
            return
        metadata = step_event.metadata
        operation = getattr(metadata.op, "value", metadata.op)
        name = metadata.urn.rsplit("::", 1)[-1]
        if operation in {"delete-replaced", "create-replacement"}:
            self.steps.setdefault(f"{name} {operation}", Step(operation, {}, []))
            return
        differences = {
            key: str(getattr(item.diff_kind, "value", item.diff_kind))
            for key, item in (metadata.detailed_diff or {}).items()
        }
        if name not in self.steps:
            self.steps[name] = Step(operation, differences, list(metadata.keys or ()))


class SimulatedControlPlane:
    """A control plane with an endpoint and an issuer, but without processes."""

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

    def list_instances(self, node_group: str) -> list[NodeInstance]:
        """Return nothing: the groups have no nodes."""
        del node_group
        return []

    def map_node_role(self, role_arn: str) -> None:
        """Do nothing: no authenticator reads aws-auth."""

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        del namespace, name, uid
        return False

    def stop(self) -> None:
        self.groups.clear()


class SimulatedControlPlanes:
    def __init__(self) -> None:
        self.started: dict[str, SimulatedControlPlane] = {}

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> SimulatedControlPlane:
        self.started[key.name] = SimulatedControlPlane(key, identity)
        return self.started[key.name]
