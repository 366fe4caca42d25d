"""Resources of other packages by their type alone: the lab imports none of the vendor's SDKs."""

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
"""The outputs that components read, or wait for, of each type."""


@cache
def _sdk_version(package: str) -> str:
    return version(f"pulumi_{package}")


class Resource(pulumi.CustomResource):
    """A resource that a component registers, or one that is there already."""

    def __init__(self, kind: str, name: str, inputs: dict[str, Any], options: pulumi.ResourceOptions) -> None:
        of_sdk = pulumi.ResourceOptions(version=_sdk_version(kind.split(":", 1)[0]))
        outputs = dict.fromkeys(_OUTPUTS.get(kind, ()))
        super().__init__(kind, name, {**outputs, **inputs}, pulumi.ResourceOptions.merge(of_sdk, options))

    def output(self, name: str) -> pulumi.Output[Any]:
        return _output(self, name)


class ExistingComponent(pulumi.ComponentResource):
    """A component that is there already."""

    def __init__(self, kind: str, name: str, urn: str) -> None:
        super().__init__(kind, name, dict.fromkeys(_OUTPUTS.get(kind, ())), pulumi.ResourceOptions(urn=urn))

    def output(self, name: str) -> pulumi.Output[Any]:
        return _output(self, name)


def existing(urn: str) -> Resource | ExistingComponent:
    """What a reference refers to, with the outputs that `_OUTPUTS` names for its type."""
    _, _, kinds, name = urn.split("::", 3)
    kind = kinds.rsplit("$", 1)[-1]
    if kind.startswith("eks:"):
        return ExistingComponent(kind, name, urn)
    return Resource(kind, name, {}, pulumi.ResourceOptions(urn=urn))


def look_up(token: str, arguments: dict[str, Any], parent: pulumi.Resource) -> pulumi.Output[Any]:
    """The answer of a function of another package; unknown at preview while an argument is."""
    options = pulumi.InvokeOptions(parent=parent, version=_sdk_version(token.split(":", 1)[0]))
    return pulumi.runtime.invoke_output(token, arguments, options)


async def look_up_now(token: str, arguments: dict[str, Any], parent: pulumi.Resource) -> dict[str, Any]:
    """The same where every argument is known; raises where the function fails."""
    options = pulumi.InvokeOptions(parent=parent, version=_sdk_version(token.split(":", 1)[0]))
    return dict(await pulumi.runtime.invoke_async(token, arguments, options))


def provider(package: str, name: str, settings: dict[str, Any], parent: pulumi.Resource) -> pulumi.ProviderResource:
    """An explicit provider of another package."""
    options = pulumi.ResourceOptions(parent=parent, version=_sdk_version(package))
    return pulumi.ProviderResource(package, name, settings, options)


def _output(resource: pulumi.Resource, name: str) -> pulumi.Output[Any]:
    found: pulumi.Output[Any] = resource.__dict__[name]
    return found


class _Module(rpc.ResourceModule):
    """Lets outputs that hold references give resources: the SDKs would do it, if they were here."""

    def version(self) -> None:
        return None

    def construct(self, name: str, typ: str, urn: str) -> pulumi.Resource:
        del name, typ
        return existing(urn)


def register_modules() -> None:
    """Make references readable; once a process."""
    for module in sorted({kind.rsplit(":", 1)[0] for kind in _OUTPUTS}):
        package, name = module.split(":", 1)
        rpc.register_resource_module(package, name, _Module())
