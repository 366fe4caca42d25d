"""Checks of the options that a program passes to pulumi_eks: unknown, unsupported and conflicting options, and values.

pulumi_eks rejects most of these while it runs, one at a time; EKS rejects some after minutes. Outputs are not checked
here.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from eks_identity.errors import Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime.args_validation import is_output

Options = dict[str, Any]

_ACCESS = "remove it, and use ClusterAccess or AwsAuthMapping: the ConfigMap's data is ignored after its creation"
_CREATOR = (
    "remove it: pulumi_eks always gives the creator access, and a change replaces the cluster (EKS); to remove the "
    "creator's access, adopt its entry with ClusterAccess and adopt, then remove it there"
)
REPLACED_CLUSTER_OPTIONS: Mapping[str, str] = {
    "bootstrap_cluster_creator_admin_permissions": _CREATOR,
    "create_oidc_provider": "remove it, and declare an OidcProvider, which opens no connection and can adopt",
    "creation_role_provider": "remove it; run as that role, or pass an aws provider that assumes it, and set role_arn",
    "name": "remove it, and set name beside `create`",
    "role_mappings": _ACCESS,
    "user_mappings": _ACCESS,
}
"""Options of pulumi_eks.Cluster that this library replaces, and the fix for each."""
REPLACED_NODE_GROUP_OPTIONS: Mapping[str, str] = {
    "cluster": "remove it: the node group belongs to this cluster",
    "cluster_name": "remove it: the node group belongs to this cluster",
    "enable_imd_sv2": "remove it: IMDSv2 is required, with hop limit 1; to change that, set launch_template",
}
"""Options of pulumi_eks.ManagedNodeGroup that this library replaces, and the fix for each."""

_SINGLE_NODE_OPTIONS = (
    *("node_subnet_ids", "node_associate_public_ip_address", "instance_type", "instance_profile_name"),
    *("node_public_key", "node_root_volume_size", "node_user_data", "min_size", "max_size", "desired_capacity"),
    *("node_ami_id", "gpu"),
)
_CONFLICTING_OPTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("subnet_ids", ("public_subnet_ids", "private_subnet_ids")),
    ("instance_role", ("instance_roles",)),
    ("node_group_options", _SINGLE_NODE_OPTIONS),
)
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_LAUNCH_TEMPLATE_OPTIONS = (
    *("kubelet_extra_args", "bootstrap_extra_args", "bottlerocket_settings", "nodeadm_extra_options"),
    *("user_data", "ami_id", "enable_efa_support", "disk_size", "remote_access"),
)
"""Options that belong into a node group's launch template, and that pulumi_eks or EKS rejects beside one."""


def cluster_problems(options: Options) -> Iterator[Problem]:
    """Yield the problems of a new cluster's options."""
    for problem in (
        *_mode_problems(options),
        *_network_problems(options),
        *_value_problems(options),
    ):
        yield problem.with_prefix("create")


def node_group_problems(options: Options, mode: AuthenticationMode | None, cluster: Options) -> Iterator[Problem]:
    """Yield the problems of a node group's options, in a cluster of this mode and with these options."""
    if {"node_role", "node_role_arn"} <= options.keys():
        rule = "must be omitted when node_role is set"
        yield Problem("node_role_arn", rule, options["node_role_arn"], "remove one of the two")
    if "launch_template" in options:
        for name in _LAUNCH_TEMPLATE_OPTIONS:
            if name in options:
                rule = "must be omitted when launch_template is set, which has this option itself (EKS)"
                yield Problem(name, rule, options[name], "set it in the launch template, or remove launch_template")
    elif "remote_access" in options:
        rule = (
            "must be omitted with a launch template (EKS): this component creates one that keeps pods from the node's"
        )
        rule += " role"
        yield Problem("remote_access", rule, options["remote_access"], "set launch_template to one with a key_name")
    if mode is AuthenticationMode.CONFIG_MAP and "node_role_arn" in options and not cluster.get("instance_roles"):
        rule = "must be in create.instance_roles too in mode CONFIG_MAP, where pulumi_eks maps the nodes' roles"
        fix = "set node_role, or add the role to create.instance_roles"
        yield Problem("node_role_arn", rule, options["node_role_arn"], fix)


def authentication_mode(options: Options) -> str:
    """Return the authentication mode: `API` by default."""
    mode = options.get("authentication_mode", AuthenticationMode.API)
    return str(getattr(mode, "value", mode))


def _mode_problems(options: Options) -> Iterator[Problem]:
    value = options.get("authentication_mode")
    mode = str(getattr(value, "value", value) or AuthenticationMode.API)
    if mode == AuthenticationMode.API and _is_set(options, "instance_roles"):
        rule = "must be omitted in mode API: pulumi_eks would write it to aws-auth, which EKS does not read"
        fix = "remove it: EKS itself gives the roles of managed node groups access"
        yield Problem("instance_roles", rule, "a value", fix)
    if mode == AuthenticationMode.CONFIG_MAP:
        for name, is_on in (("access_entries", _is_set(options, "access_entries")), ("auto_mode", _is_auto(options))):
            if is_on:
                fix = "set authentication_mode to API_AND_CONFIG_MAP or API"
                yield Problem(name, "must be omitted in mode CONFIG_MAP, which has no access entries", "a value", fix)


def _network_problems(options: Options) -> Iterator[Problem]:
    for name, others in _CONFLICTING_OPTIONS:
        for other in others:
            if _is_set(options, name) and _is_set(options, other):
                rule = f"must be omitted when {other} is set (pulumi_eks)"
                yield Problem(name, rule, options[name], "remove one of the two")
    subnets = ("subnet_ids", "public_subnet_ids", "private_subnet_ids")
    if "vpc_id" in options and not any(name in options for name in subnets):
        rule = "must be set with the subnets of that VPC"
        yield Problem("vpc_id", rule, options["vpc_id"], "set private_subnet_ids, public_subnet_ids or subnet_ids")
    if options.get("endpoint_public_access") is False:
        if options.get("endpoint_private_access", False) is False:
            rule = "must be True when endpoint_private_access is not: the endpoint is public, private or both (EKS)"
            yield Problem("endpoint_public_access", rule, value=False, fix="set endpoint_private_access to True")
        if _is_set(options, "public_access_cidrs"):
            rule = "must be omitted when endpoint_public_access is False (pulumi_eks)"
            yield Problem("public_access_cidrs", rule, options["public_access_cidrs"], "remove it")


def _value_problems(options: Options) -> Iterator[Problem]:
    logs = options.get("enabled_cluster_log_types") or ()
    for index, kind in enumerate(() if is_output(logs) else logs):
        if isinstance(kind, str) and kind not in _LOG_TYPES:
            similar = difflib.get_close_matches(kind, _LOG_TYPES, n=1)
            fix = f"did you mean {similar[0]}?" if similar else "remove it"
            rule = f"must be one of {', '.join(_LOG_TYPES)} (EKS)"
            yield Problem(f"enabled_cluster_log_types[{index}]", rule, kind, fix)
    family = options.get("ip_family")
    if isinstance(family, str) and family not in {"ipv4", "ipv6"}:
        yield Problem("ip_family", "must be ipv4 or ipv6 (EKS)", family, "write ipv4 or ipv6")
    key = options.get("encryption_config_key_arn")
    if isinstance(key, str) and key.split(":")[2:3] != ["kms"]:
        rule = "must be the ARN of a symmetric KMS key in the cluster's region (EKS)"
        fix = "write the Arn that `aws kms describe-key --key-id KEY` prints"
        yield Problem("encryption_config_key_arn", rule, key, fix)


def _is_set(options: Options, name: str) -> bool:
    value = options.get(name)
    return is_output(value) or value not in (None, [], {}, ())


def _is_auto(options: Options) -> bool:
    auto = options.get("auto_mode")
    return bool(auto.get("enabled") if isinstance(auto, Mapping) else getattr(auto, "enabled", False))
