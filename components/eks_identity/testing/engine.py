"""A Pulumi program in the test's own process: the SDK is the real one, a `Cloud` stands in for engine and plugins.

Each deployment has an event loop of its own, and leaves nothing behind: Pulumi's mocks alone keep loops open, and
what a refused program left unfinished would reach the next one.
"""

from __future__ import annotations

import asyncio
import logging
import runpy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import mocks, set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_pulumi_func

from eks_identity.testing import wire
from eks_identity.testing.cloud import Cloud
from eks_identity.testing.deployment import Declared, Deployment

Program = Callable[[], Any] | Path
"""A function that declares resources, or the file of a program, such as `__main__.py`."""


def deploy(
    program: Program,
    *,
    preview: bool = False,
    cloud: Cloud | None = None,
    config: Mapping[str, str] | None = None,
    project: str = "project",
    stack: str = "stack",
) -> Deployment:
    """Runs `program` as `pulumi up` would, or as `pulumi preview`; says what was declared.

    What the program raises comes out of here, also where it was raised in an `apply`: `InvalidInputError` for a wrong
    input.

    Args:
        program: A function without arguments, or the path of a program's file, which is run as `__main__`.
        preview: What a new resource will only get when it is made is unknown, as in a real preview.
        cloud: The account, region and clusters to deploy to; else `Cloud()`.
        config: The stack's settings by their full names: `{"project:cluster": "eks-clu"}`.
        project: The project's name, under which `pulumi.Config()` looks.
        stack: The stack's name.
    """
    # As Pulumi's own host does: a program that was refused leaves futures that nobody asks any more.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    cloud = cloud or Cloud()
    with _fresh_loop() as loop:
        monitor = _Monitor(cloud)
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        set_root_resource(None)  # type: ignore[arg-type]  # there is no program yet
        set_all_config({**(config or {})}, [])
        mocks.set_mocks(cloud, project=project, stack=stack, preview=preview, monitor=monitor)
        try:
            returned: list[Any] = []
            loop.run_until_complete(run_pulumi_func(lambda: returned.append(_run(program))))
            value = loop.run_until_complete(pulumi.Output.from_input(returned[0]).future(with_unknowns=False))
        finally:
            set_all_config({}, [])
        return Deployment([monitor.declared(request) for request in monitor.requests], value, cloud)


def _run(program: Program) -> Any:
    if isinstance(program, Path):
        runpy.run_path(str(program), run_name="__main__")
        return None
    return program()


class _Monitor(mocks.MockMonitor):
    """Keeps each registration as the engine got it."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.requests: list[Any] = []
        self.registered_outputs: dict[str, Any] = {}
        self._cloud = cloud

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        self.registered_outputs[request.urn] = request.outputs
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        if request.type == "pulumi:pulumi:Stack":
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self.requests.append(request)
        if request.type == "eks:index:Cluster":
            self._make_cluster_of(request)
        id_, state = self._cloud.new_resource(
            mocks.MockResourceArgs(
                typ=request.type,
                name=request.name,
                inputs=wire.read(request.object),
                provider=request.provider,
                resource_id=request.importId,
                custom=request.custom,
            )
        )
        urn = self.make_urn(request.parent, request.type, request.name)
        # What a provider is given later is asked for before it is known.
        later = wire.read(request.object, keep_unknowns=True) if request.type.startswith("pulumi:providers:") else {}
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, id_ or "", {**state, **later})
        marked = wire.marked(state, json_format.MessageToDict(request.object))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_ or "", object=_struct(marked))

    def _make_cluster_of(self, request: Any) -> None:
        """What the eks plugin registers below its own component, and hands back as a reference."""
        urn = self.make_urn(
            self.make_urn(request.parent, request.type, request.name), "aws:eks/cluster:Cluster", "made"
        )
        inputs = wire.read(request.object)
        name = inputs.get("name", f"{request.name}-eksCluster-1a2b3c4")
        state = self._cloud.new_cluster(name, inputs.get("authenticationMode"))
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, name, state)
        self._cloud.made[request.name] = urn

    def declared(self, request: Any) -> Declared:
        urn = self.make_urn(request.parent, request.type, request.name)
        outputs = self.registered_outputs.get(urn)
        return Declared(
            type=request.type,
            name=request.name,
            inputs=wire.read(request.object, keep_unknowns=True),
            request=request,
            state=dict(self.resources[urn].state),
            urn=urn,
            outputs={} if outputs is None else wire.read(outputs, keep_unknowns=True),
            registered_outputs=outputs,
        )


def _struct(state: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(state)
    return made


class _Loops(asyncio.DefaultEventLoopPolicy):
    """Knows every loop that was made: Pulumi's mocks make one in each thread that they answer in, and leave it open."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[asyncio.AbstractEventLoop] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self.made.append(loop)
        return loop


@contextmanager
def _fresh_loop() -> Iterator[asyncio.AbstractEventLoop]:
    before, policy = asyncio.get_event_loop_policy(), _Loops()
    asyncio.set_event_loop_policy(policy)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        for made in policy.made:
            made.close()
        asyncio.set_event_loop(None)
        asyncio.set_event_loop_policy(before)
