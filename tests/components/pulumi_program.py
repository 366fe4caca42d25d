"""A Pulumi program in one process: the SDK is real, the engine and the plugins are answered by `Cloud`."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_pulumi_func

from eks_identity.model import kubeconfig as kubeconfigs

# As Pulumi's own host does: a program that was refused leaves futures that nobody asks any more.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def provider_arn(partition: str = "aws", issuer: str = ISSUER) -> str:
    return f"arn:{partition}:iam::{ACCOUNT}:oidc-provider/{issuer.removeprefix('https://')}"


def cluster_facts(partition: str = "aws", region: str = REGION, mode: str = "API_AND_CONFIG_MAP") -> dict[str, Any]:
    """What DescribeCluster says, in the shape of the aws plugin's getCluster."""
    return {
        "name": "eks-clu",
        "arn": f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/eks-clu",
        "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
        "certificateAuthorities": [{"data": "Y2VydGlmaWNhdGU="}],
        "identities": [{"oidcs": [{"issuer": ISSUER}]}],
        "accessConfigs": [{"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True}],
        "region": region,
        "id": "eks-clu",
    }


class PluginError(grpc.RpcError):
    """What a plugin says when a function of its fails, as the engine hands it on."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return str(self)


class Cloud(mocks.Mocks):
    """Answers for engine and plugins. In a preview, what a new resource will be is unknown, as in a real one."""

    def __init__(self, **invokes: Any) -> None:
        self.invokes = {"getCluster": cluster_facts(), **invokes}
        self.calls: list[mocks.MockCallArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        state = dict(args.inputs)
        if pulumi.runtime.is_dry_run():
            return "", state
        if args.typ == "aws:iam/role:Role":
            state.setdefault("name", f"{args.name}-1a2b3c4")
            path = state.get("path", "/")
            state["arn"] = f"arn:aws:iam::{ACCOUNT}:role{path}{state['name']}"
        if args.typ == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
            state["arn"] = provider_arn(issuer=state["url"])
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        self.calls.append(args)
        answer = self.invokes[args.token.rpartition(":")[2]]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Monitor(mocks.MockMonitor):
    """Keeps each registration as the engine got it."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.requests: list[Any] = []

    def RegisterResource(self, request):  # noqa: N802 - gRPC's name
        if request.type != "pulumi:pulumi:Stack":
            self.requests.append(request)
        return super().RegisterResource(request)


@dataclass
class Registered:
    type: str
    name: str
    inputs: dict[str, Any]
    request: Any


@dataclass
class Deployment:
    """What a program registered, and what it returned with every Output resolved (None where unknown)."""

    resources: list[Registered] = field(default_factory=list)
    value: Any = None
    cloud: Any = None

    def of(self, type_: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str) -> Registered:
        (found,) = self.of(type_)
        return found

    @property
    def names(self) -> list[tuple[str, str]]:
        return [(resource.type, resource.name) for resource in self.resources]


class Loops(asyncio.DefaultEventLoopPolicy):
    """Knows every loop that was made: Pulumi's mocks make one in each thread that they answer in, and leave it open."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[asyncio.AbstractEventLoop] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self.made.append(loop)
        return loop


@contextmanager
def fresh_loop() -> Iterator[asyncio.AbstractEventLoop]:
    policy = Loops()
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
        asyncio.set_event_loop_policy(None)


def deploy(program: Callable[[], Any], *, preview: bool = False, cloud: Cloud | None = None) -> Deployment:
    """Runs `program` as `pulumi preview` or `pulumi up` would; what it raises, also in an apply, comes out."""
    cloud = cloud or Cloud()
    deployment = Deployment(cloud=cloud)
    with fresh_loop() as loop:
        monitor = Monitor(cloud)
        # What a program that was refused left unfinished.
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        set_root_resource(None)
        mocks.set_mocks(cloud, project="shop", stack="dev", preview=preview, monitor=monitor)
        returned: list[Any] = []
        loop.run_until_complete(run_pulumi_func(lambda: returned.append(program())))
        deployment.value = loop.run_until_complete(pulumi.Output.from_input(returned[0]).future(with_unknowns=False))
        for request in monitor.requests:
            inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
            deployment.resources.append(Registered(request.type, request.name, _unwrapped(inputs), request))
    return deployment


def _unwrapped(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return _unwrapped(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    return value


def kubeconfig(server: str = "https://example.gr7.ap-northeast-1.eks.amazonaws.com") -> str:
    return kubeconfigs.dumps(
        kubeconfigs.kubeconfig(
            cluster_arn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
            cluster_name="eks-clu",
            endpoint=server,
            certificate_authority="Y2VydGlmaWNhdGU=",
            region=REGION,
        )
    )
