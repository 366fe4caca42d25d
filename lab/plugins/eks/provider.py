"""The eks plugin's provider: it only constructs components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import pulumi
from pulumi.provider.experimental import provider

from lab.plugins import base
from lab.plugins.eks.cluster import Cluster
from lab.plugins.eks.exchange import inputs_of, property_value
from lab.plugins.eks.kubeconfig import scoped
from lab.plugins.eks.node_group import ManagedNodeGroup
from lab.plugins.eks.resources import register_modules
from lab.plugins.errors import PluginError


class _Component(Protocol):
    """The interface of this plugin's component classes."""

    def __call__(self, name: str, arguments: Mapping[str, Any], options: pulumi.ResourceOptions) -> Any: ...


_COMPONENTS: Final[Mapping[str, _Component]] = {
    "eks:index:Cluster": Cluster,
    "eks:index:ManagedNodeGroup": ManagedNodeGroup,
}
_MONITOR_SHUT_DOWN: Final = "resource monitor shut down"
"""The engine's error for every other resource after one resource of the update has failed."""
_GET_KUBECONFIG: Final = "eks:index:Cluster/getKubeconfig"


class EksPlugin(base.BasePlugin):
    """The provider of the covered components of pulumi-eks."""

    package = "eks"

    def __init__(self) -> None:
        super().__init__()
        register_modules()

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        return provider.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        response = await super().configure(request)
        response.accept_resources = True  # a component reads outputs of its arguments' resources
        return response

    async def construct(self, request: provider.ConstructRequest) -> provider.ConstructResponse:
        component = _COMPONENTS.get(request.resource_type)
        if component is None:
            raise self.not_covered(request.resource_type)
        instance = component(request.name, inputs_of(request.inputs), request.options)
        try:
            state = {key: await property_value(value) for key, value in instance.state.items() if value is not None}
        except Exception as error:
            if _MONITOR_SHUT_DOWN in str(error):
                kind = request.resource_type.rsplit(":", 1)[-1]
                raise PluginError(f"eks.{kind} {request.name!r}: one of its resources failed; see its error") from error
            raise
        urn = await instance.urn.future()
        return provider.ConstructResponse(urn, state, {})

    async def call(self, request: provider.CallRequest) -> provider.CallResponse:
        if request.tok != _GET_KUBECONFIG:
            raise self.not_covered(request.tok)
        arguments = inputs_of(request.args)
        kubeconfig_inputs = {
            "config": arguments["__self__"].output("kubeconfigJson"),
            "role": arguments.get("roleArn"),
            "profile": arguments.get("profileName"),
        }
        result: pulumi.Output[str] = pulumi.Output.from_input(kubeconfig_inputs).apply(
            lambda resolved: scoped(resolved["config"], resolved["role"], resolved["profile"]),
        )
        return provider.CallResponse({"result": await property_value(result)})
