"""Resources of other packages by their type token: the lab imports none of Pulumi's provider SDKs."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import pulumi
from pulumi.runtime import rpc

_OUTPUTS: Final = {
    "aws:iam/role:Role": ("arn", "name"),
    "aws:iam/instanceProfile:InstanceProfile": ("arn", "name"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn",),
    "aws:ec2/securityGroup:SecurityGroup": ("vpcId",),
    "aws:ec2/securityGroupRule:SecurityGroupRule": ("securityGroupRuleId",),
    "aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
    "aws:eks/cluster:Cluster": (
        "accessConfig",
        "arn",
        "certificateAuthority",
        "endpoint",
        "identities",
        "name",
        "version",
        "vpcConfig",
    ),
    "aws:eks/addon:Addon": ("addonVersion",),
    "aws:eks/accessEntry:AccessEntry": ("accessEntryArn",),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("associatedAt",),
    "aws:eks/fargateProfile:FargateProfile": ("status",),
    "aws:eks/nodeGroup:NodeGroup": ("status",),
    "kubernetes:core/v1:ConfigMap": ("metadata",),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("metadata",),
    "eks:index:Cluster": ("core", "kubeconfigJson"),
    "eks:index:VpcCniAddon": ("addon",),
}
"""The outputs of each type that components read or wait for."""


@cache
def _sdk_version(package: str) -> str:
    return version(f"pulumi_{package}")


class Resource(pulumi.CustomResource):
    """A resource that a component registers, or an existing one."""

    def __init__(self, kind: str, name: str, inputs: dict[str, Any], options: pulumi.ResourceOptions) -> None:
        of_sdk = pulumi.ResourceOptions(version=_sdk_version(kind.split(":", 1)[0]))
        outputs = dict.fromkeys(_OUTPUTS.get(kind, ()))
        super().__init__(kind, name, {**outputs, **inputs}, pulumi.ResourceOptions.merge(of_sdk, options))

    def output(self, name: str) -> pulumi.Output[Any]:
        return _output(self, name)


class ExistingComponent(pulumi.ComponentResource):
    """An existing component."""

    def __init__(self, kind: str, name: str, urn: str) -> None:
        super().__init__(kind, name, dict.fromkeys(_OUTPUTS.get(kind, ())), pulumi.ResourceOptions(urn=urn))

    def output(self, name: str) -> pulumi.Output[Any]:
        return _output(self, name)


def existing(urn: str) -> Resource | ExistingComponent:
    """Return the resource with this URN, with the outputs in `_OUTPUTS` for its type."""
    _, _, kinds, name = urn.split("::", 3)
    kind = kinds.rsplit("$", 1)[-1]
    if kind.startswith("eks:"):
        return ExistingComponent(kind, name, urn)
    return Resource(kind, name, {}, pulumi.ResourceOptions(urn=urn))


def invoke(token: str, arguments: dict[str, Any], parent: pulumi.Resource) -> pulumi.Output[Any]:
    """Return the result of a function of another package; unknown at preview if an argument is unknown."""
    options = pulumi.InvokeOptions(parent=parent, version=_sdk_version(token.split(":", 1)[0]))
    return pulumi.runtime.invoke_output(token, arguments, options)


async def invoke_async(token: str, arguments: dict[str, Any], parent: pulumi.Resource) -> dict[str, Any]:
    """Return the result of a function with resolved arguments. Raises the function's exception."""
    options = pulumi.InvokeOptions(parent=parent, version=_sdk_version(token.split(":", 1)[0]))
    return dict(await pulumi.runtime.invoke_async(token, arguments, options))


def provider(package: str, name: str, settings: dict[str, Any], parent: pulumi.Resource) -> pulumi.ProviderResource:
    """Register an explicit provider of another package."""
    options = pulumi.ResourceOptions(parent=parent, version=_sdk_version(package))
    return pulumi.ProviderResource(package, name, settings, options)


def _output(resource: pulumi.Resource, name: str) -> pulumi.Output[Any]:
    output: pulumi.Output[Any] = resource.__dict__[name]
    return output


class _Module(rpc.ResourceModule):
    """Converts references in outputs to resources, as the provider SDKs do."""

    def version(self) -> None:
        return None

    def construct(self, name: str, typ: str, urn: str) -> pulumi.Resource:
        del name, typ
        return existing(urn)


def register_modules() -> None:
    """Register the conversion of references, once per process."""
    for module in sorted({kind.rsplit(":", 1)[0] for kind in _OUTPUTS}):
        package, name = module.split(":", 1)
        rpc.register_resource_module(package, name, _Module())
