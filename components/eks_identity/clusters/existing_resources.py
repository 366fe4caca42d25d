"""Existing resources in the options of a new cluster: programs pass ARNs or ids, and pulumi_eks takes resources.

Programs in Python may pass the resource itself. Pulumi reads the others, without a change of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from eks_identity.clusters.cluster_options import Options
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import arns
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.inputs import Inputs


@dataclass(frozen=True)
class _Kind:
    """A kind of resource that options of pulumi_eks take."""

    parse: Callable[[str], str]
    """Returns the id with which Pulumi reads the resource. Raises `InvalidInput`."""
    get: Callable[[str, pulumi.Input[str], pulumi.ResourceOptions], pulumi.Resource]

    def parse_all(self, values: list[Any]) -> list[Any]:
        return [self.parse_one(value) for value in values]

    def parse_one(self, value: Any) -> Any:
        """Return the id, or the resource that an Output has."""
        return value if isinstance(value, pulumi.Resource) else self.parse(value)

    def read(self, name: str, id_: Any, parent: pulumi.Resource) -> Any:
        """Return the resource of an id, of an Output of one, or of a list of ids. A resource is unchanged."""
        if isinstance(id_, pulumi.Resource):
            return id_
        if isinstance(id_, list):
            return [self.read(f"{name}-{index}", item, parent) for index, item in enumerate(id_)]
        return self.get(name, id_, pulumi.ResourceOptions(parent=parent))


def _role_name(arn: str) -> str:
    return arns.Principal.parse(arns.role_arn(arn)).name


def _security_group_id(value: str) -> str:
    if not value.startswith("sg-"):
        rule = "must be the id of a security group, sg-…"
        raise InvalidInput([Problem("", rule, value, "write an id that `aws ec2 describe-security-groups` prints")])
    return value


_ROLE = _Kind(_role_name, aws.iam.Role.get)
_SECURITY_GROUP = _Kind(_security_group_id, aws.ec2.SecurityGroup.get)
_RESOURCES: Mapping[str, _Kind] = {
    "service_role": _ROLE,
    "instance_role": _ROLE,
    "node_role": _ROLE,
    "cluster_security_group": _SECURITY_GROUP,
    "node_security_group": _SECURITY_GROUP,
}
_RESOURCE_LISTS: Mapping[str, _Kind] = {
    "instance_roles": _ROLE,
    "extra_node_security_groups": _SECURITY_GROUP,
}
_ALTERNATIVES: Mapping[str, str] = {
    "instance_profile": "instance_profile_name",
    "cluster_ingress_rule": "cluster_ingress_rule_id",
}
"""Options that take a resource, and the option of pulumi_eks that takes its name or id."""


def parse_existing(inputs: Inputs, options: Options, under: str) -> Options:
    """Return the `options` with parsed ARNs and ids; problems are added to `inputs`. Resources are unchanged."""
    parsed: Options = {}
    for name, value in options.items():
        path = f"{under}.{name}"
        if isinstance(value, pulumi.Resource):
            parsed[name] = value
        elif name in _RESOURCES:
            parsed[name] = inputs.parse(path, value, _RESOURCES[name].parse_one)
        elif name in _RESOURCE_LISTS and is_output(value):
            parsed[name] = inputs.parse(path, value, _RESOURCE_LISTS[name].parse_all)
        elif name in _RESOURCE_LISTS:
            kind = _RESOURCE_LISTS[name]
            parsed[name] = [inputs.parse(f"{path}[{index}]", item, kind.parse_one) for index, item in enumerate(value)]
        elif name == "node_group_options" and isinstance(value, Mapping):
            parsed[name] = parse_existing(inputs, {**value}, path)
        else:
            parsed[_ALTERNATIVES.get(name, name)] = value
    return parsed


def read_existing(options: Options, prefix: str, parent: pulumi.Resource) -> Options:
    """Return the `options` with resources in place of ids. The names of the resources begin with `prefix`."""
    resources: Options = {}
    for option, value in options.items():
        name = f"{prefix}-{option.replace('_', '-')}"
        kind = _RESOURCES.get(option) or _RESOURCE_LISTS.get(option)
        if option == "node_group_options" and isinstance(value, Mapping):
            resources[option] = read_existing({**value}, prefix, parent)
        elif kind is None or isinstance(value, pulumi.Resource):
            resources[option] = value
        elif option in _RESOURCE_LISTS and is_output(value):
            resources[option] = value.apply(lambda ids, kind=kind, name=name: kind.read(name, ids, parent))
        else:
            resources[option] = kind.read(name, value, parent)
    return resources
