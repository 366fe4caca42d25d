"""Child components of the cluster: service roles and the VPC CNI add-on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from lab.plugins.eks.resources import Resource, invoke


class ServiceRole(pulumi.ComponentResource):
    """An IAM role of an AWS service, with attached AWS managed policies."""

    def __init__(
        self,
        name: str,
        service: pulumi.Input[str],
        policies: Sequence[str],
        partition: pulumi.Output[str],
        parent: pulumi.Resource,
        *,
        description: str | None = None,
        tags: Any = None,
        actions: Sequence[str] = ("sts:AssumeRole",),
    ) -> None:
        super().__init__("eks:index:ServiceRole", name, {}, pulumi.ResourceOptions(parent=parent))
        own = pulumi.ResourceOptions(parent=self)

        def trust(principal: str) -> str:
            statement = {"Action": list(actions), "Effect": "Allow", "Principal": {"Service": [principal]}}
            return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

        inputs = {
            "description": description,
            "assumeRolePolicy": pulumi.Output.from_input(service).apply(trust),
            "tags": tags,
        }
        self.role = Resource("aws:iam/role:Role", f"{name}-role", inputs, own)
        self.attachments = [
            Resource(
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                f"{name}-{_short_hash(f'arn:aws:iam::aws:policy/{policy}')}",
                {
                    "policyArn": pulumi.Output.concat("arn:", partition, f":iam::aws:policy/{policy}"),
                    "role": self.role.output("name"),
                },
                own,
            )
            for policy in policies
        ]
        self.register_outputs({"role": self.role})

    def ready(self, output: str) -> pulumi.Output[Any]:
        """Return an output of the role that resolves after its policies are attached."""
        attached = pulumi.Output.all(*[attachment.output("policyArn") for attachment in self.attachments])
        result: pulumi.Output[Any] = pulumi.Output.all(self.role.output(output), attached).apply(lambda both: both[0])
        return result


def _short_hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


_CNI_DEFAULTS: Final = {
    "WARM_ENI_TARGET": "1",
    "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
    "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
    "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
    "AWS_VPC_ENI_MTU": "9001",
    "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
    "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
    "ENABLE_POD_ENI": "false",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
    "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
}
_CNI_INIT_DEFAULTS: Final = {"DISABLE_TCP_EARLY_DEMUX": "false"}
CNI_COVERED: Final = frozenset(
    {
        "addonVersion",
        "configurationValues",
        "enableNetworkPolicy",
        "resolveConflictsOnCreate",
        "resolveConflictsOnUpdate",
        "serviceAccountRoleArn",
    },
)


class VpcCniAddon(pulumi.ComponentResource):
    """The VPC CNI add-on, with the official component's configuration."""

    def __init__(
        self,
        name: str,
        cluster: Resource,
        settings: Mapping[str, Any],
        options: pulumi.ResourceOptions,
        tags: Any = None,
    ) -> None:
        super().__init__("eks:index:VpcCniAddon", name, {}, options)
        configuration = pulumi.Output.from_input(
            {"values": settings.get("configurationValues"), "policy": settings.get("enableNetworkPolicy")},
        ).apply(_cni_configuration)
        self.addon = addon(
            name,
            "vpc-cni",
            cluster,
            {**settings, "version": settings.get("addonVersion"), "configuration": configuration},
            pulumi.ResourceOptions(parent=self),
            tags=tags,
        )
        self.register_outputs({"addon": self.addon})


def addon(
    name: str,
    addon_name: str,
    cluster: Resource,
    settings: Mapping[str, Any],
    options: pulumi.ResourceOptions,
    *,
    tags: Any,
) -> Resource:
    """Register an add-on of the cluster, by default in its newest supported version."""
    parent = options.parent
    assert parent is not None, "an add-on belongs to a component"
    query = {"addonName": addon_name, "kubernetesVersion": cluster.output("version"), "mostRecent": True}
    newest = invoke("aws:eks/getAddonVersion:getAddonVersion", query, parent).apply(lambda result: result["version"])
    inputs = {
        "clusterName": cluster.output("name"),
        "addonName": addon_name,
        "addonVersion": settings.get("version") or newest,
        "preserve": True,
        "tags": tags,
        "resolveConflictsOnCreate": settings.get("resolveConflictsOnCreate") or "OVERWRITE",
        "resolveConflictsOnUpdate": settings.get("resolveConflictsOnUpdate") or "OVERWRITE",
        "configurationValues": settings.get("configuration"),
        "serviceAccountRoleArn": settings.get("serviceAccountRoleArn"),
    }
    return Resource("aws:eks/addon:Addon", name, inputs, options)


def sorted_json(values: Any) -> str | None:
    """Return configuration values as JSON text that does not depend on the order of keys."""
    return json.dumps(values, sort_keys=True, separators=(",", ":")) if values else None


def _cni_configuration(resolved: Mapping[str, Any]) -> str | None:
    values = dict(resolved["values"] or {})
    if resolved["policy"] is not None:
        values.setdefault("enableNetworkPolicy", "true" if resolved["policy"] else "false")
    values["env"] = {**_CNI_DEFAULTS, **(values.get("env") or {})}
    init = dict(values.get("init") or {})
    values["init"] = {**init, "env": {**_CNI_INIT_DEFAULTS, **(init.get("env") or {})}}
    return sorted_json(values)
