"""Runs a Pulumi program in the test's process with the real SDK. A `Cloud` replaces the engine and the plugins.

Each deployment has its own event loop and closes it. Pulumi's mocks alone keep loops open, and unfinished tasks of a
failed program would run in the next one.
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

from eks_identity.runtime.declared_identities import record_identities
from eks_identity.runtime.threads import wait_for_threads
from eks_identity.testing import wire
from eks_identity.testing.cloud import Cloud
from eks_identity.testing.deployment import Deployment, RegisteredResource

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
    """Run `program` as `pulumi up` or `pulumi preview` does, and return the registered resources.

    Raises the exceptions of the program, those of an `apply` included: `InvalidInputError` for an input that is not
    valid.

    Args:
        program: A function without arguments, or the path of a program's file, which runs as `__main__`.
        preview: Outputs that a new resource gets on creation are unknown, as in a real preview.
        cloud: The account, region and clusters. The default is `Cloud()`.
        config: The stack's config by full keys: `{"project:cluster": "eks-clu"}`.
        project: The project's name, which is the namespace of `pulumi.Config()`.
        stack: The stack's name.
    """
    # As Pulumi's own host does: a failed program has futures that are never awaited.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    cloud = cloud or Cloud()
    with _new_loop() as loop:
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
    record_identities()
    if isinstance(program, Path):
        runpy.run_path(str(program), run_name="__main__")
        return None
    return program()


class _Monitor(mocks.MockMonitor):
    """Records each registration as the engine receives it."""

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
            self._create_eks_cluster(request)
        id_, state = self._cloud.new_resource(
            mocks.MockResourceArgs(
                typ=request.type,
                name=request.name,
                inputs=wire.read_properties(request.object),
                provider=request.provider,
                resource_id=request.importId,
                custom=request.custom,
            )
        )
        urn = self.make_urn(request.parent, request.type, request.name)
        # The library reads inputs of a provider before they are resolved.
        unknowns = (
            wire.read_properties(request.object, keep_unknowns=True)
            if request.type.startswith("pulumi:providers:")
            else {}
        )
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, id_ or "", {**state, **unknowns})
        marked = wire.mark_secrets(state, json_format.MessageToDict(request.object))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_ or "", object=_struct(marked))

    def _create_eks_cluster(self, request: Any) -> None:
        """Register the cluster that the eks plugin creates as a child of its component and returns as a reference."""
        urn = self.make_urn(
            self.make_urn(request.parent, request.type, request.name), "aws:eks/cluster:Cluster", "made"
        )
        inputs = wire.read_properties(request.object)
        name = inputs.get("name", f"{request.name}-eksCluster-1a2b3c4")
        state = self._cloud.new_cluster(name, inputs.get("authenticationMode"))
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, name, state)
        self._cloud.eks_cluster_urns[request.name] = urn

    def declared(self, request: Any) -> RegisteredResource:
        urn = self.make_urn(request.parent, request.type, request.name)
        outputs = self.registered_outputs.get(urn)
        return RegisteredResource(
            type=request.type,
            name=request.name,
            inputs=wire.read_properties(request.object, keep_unknowns=True),
            request=request,
            state=dict(self.resources[urn].state),
            urn=urn,
            outputs={} if outputs is None else wire.read_properties(outputs, keep_unknowns=True),
            registered_outputs=outputs,
        )


def _struct(state: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(state)
    return struct


class _LoopPolicy(asyncio.DefaultEventLoopPolicy):
    """Records every event loop. Pulumi's mocks create one in each of their threads and leave it open."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: list[asyncio.AbstractEventLoop] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self.loops.append(loop)
        return loop


@contextmanager
def _new_loop() -> Iterator[asyncio.AbstractEventLoop]:
    before, policy = asyncio.get_event_loop_policy(), _LoopPolicy()
    asyncio.set_event_loop_policy(policy)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        unfinished = asyncio.all_tasks(loop)
        for task in unfinished:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*unfinished, return_exceptions=True))
        wait_for_threads()  # a thread that ends later would open a loop that is never closed
        loop.run_until_complete(loop.shutdown_default_executor())
        for opened in policy.loops:
            opened.close()
        asyncio.set_event_loop(None)
        asyncio.set_event_loop_policy(before)
