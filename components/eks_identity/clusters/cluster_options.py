"""The options of pulumi_eks that a program hands on: known by name, at peace with each other, and ours where better.

pulumi_eks finds most of this out while it runs, one fault at a time; some of it AWS says after minutes. Values that are
not known yet are left to them.
"""

import difflib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi_eks as eks

from eks_identity.errors import Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime.args_validation import is_output

Options = dict[str, Any]

_ACCESS = "use ClusterAccess or AwsAuthMapping: the ConfigMap's data is left alone once it is there"
_CREATOR = (
    "pulumi_eks always lets the creator in and a change would replace the cluster (EKS); "
    "take the creator over with ClusterAccess and adopt, then out"
)
CLUSTER_NOT_OURS: Mapping[str, str] = {
    "bootstrap_cluster_creator_admin_permissions": _CREATOR,
    "create_oidc_provider": "use OidcProvider: it opens no connection while the program runs, and can adopt",
    "creation_role_provider": "run as that role, or pass an aws provider that assumes it, and give role_arn",
    "name": "give the name beside `create`",
    "role_mappings": _ACCESS,
    "user_mappings": _ACCESS,
}
"""Options of pulumi_eks.Cluster that something here does better, and what."""
NODE_GROUP_NOT_OURS: Mapping[str, str] = {
    "cluster": "leave it out: the node group belongs to this cluster",
    "cluster_name": "leave it out: the node group belongs to this cluster",
    "enable_imd_sv2": "leave it out: IMDSv2 is required, with hop limit 1; for another bring a launch_template",
}
"""The same for pulumi_eks.ManagedNodeGroup."""

_SINGLE_NODE_OPTIONS = (
    *("node_subnet_ids", "node_associate_public_ip_address", "instance_type", "instance_profile_name"),
    *("node_public_key", "node_root_volume_size", "node_user_data", "min_size", "max_size", "desired_capacity"),
    *("node_ami_id", "gpu"),
)
_NOT_TOGETHER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("subnet_ids", ("public_subnet_ids", "private_subnet_ids")),
    ("instance_role", ("instance_roles",)),
    ("node_group_options", _SINGLE_NODE_OPTIONS),
)
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_IN_OWN_TEMPLATE = (
    *("kubelet_extra_args", "bootstrap_extra_args", "bottlerocket_settings", "nodeadm_extra_options"),
    *("user_data", "ami_id", "enable_efa_support", "disk_size", "remote_access"),
)
"""What a node group's launch template says itself, and pulumi_eks or EKS refuses beside it."""


def cluster_options(given: Mapping[str, Any]) -> Options:
    """Options under their names in Python; programs of other languages write `vpcId`."""
    return _named(given, eks.ClusterArgs)


def node_group_options(given: Mapping[str, Any]) -> Options:
    """The same for a managed node group."""
    return _named(given, eks.ManagedNodeGroupArgs)


def cluster_problems(options: Options) -> Iterator[Problem]:
    """What in the options of a new cluster cannot work."""
    for problem in (
        *_unknown(options, eks.ClusterArgs, CLUSTER_NOT_OURS),
        *_mode_problems(options),
        *_network_problems(options),
        *_values(options),
    ):
        yield problem.under("create")


def node_group_problems(options: Options, mode: AuthenticationMode | None, cluster: Options) -> Iterator[Problem]:
    """What in the options of a node group cannot work, in a cluster of these options and this mode."""
    yield from _unknown(options, eks.ManagedNodeGroupArgs, NODE_GROUP_NOT_OURS)
    if {"node_role", "node_role_arn"} <= options.keys():
        yield Problem("node_role_arn", "not beside node_role", options["node_role_arn"], "give one of the two")
    if "launch_template" in options:
        for name in _IN_OWN_TEMPLATE:
            if name in options:
                rule = "not beside a launch_template, which says it itself (EKS)"
                yield Problem(name, rule, options[name], "put it into the launch template, or take that out")
    elif "remote_access" in options:
        rule = "not beside a launch template (EKS), and one is made here that keeps pods from the node's role"
        yield Problem("remote_access", rule, options["remote_access"], "bring a launch_template with a key_name")
    if mode is AuthenticationMode.CONFIG_MAP and "node_role_arn" in options and not cluster.get("instance_roles"):
        rule = "in mode CONFIG_MAP the cluster knows the node's role (pulumi_eks)"
        fix = "give node_role, or name the role in create.instance_roles"
        yield Problem("node_role_arn", rule, options["node_role_arn"], fix)


def authentication_mode(options: Options) -> str:
    """Return the configured authentication mode: `API` by default, and for an Output, which is rejected elsewhere."""
    mode = options.get("authentication_mode", AuthenticationMode.API)
    return AuthenticationMode.API.value if is_output(mode) else str(getattr(mode, "value", mode))


def _named(given: Mapping[str, Any], args: type) -> Options:
    by_letters = {name.replace("_", ""): name for name in _names(args)}
    return {key if "_" in key else by_letters.get(key.lower(), key): value for key, value in given.items()}


def _names(args: type) -> list[str]:
    return list(inspect.signature(args).parameters)


def _unknown(options: Options, args: type, instead: Mapping[str, str]) -> Iterator[Problem]:
    known = _names(args)
    component = f"pulumi_eks.{args.__name__.removesuffix('Args')}"
    for name, value in options.items():
        if name in instead:
            yield Problem(name, "not through pulumi_eks", value, instead[name])
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]}?" if near else f"see the arguments of {component}"
            yield Problem(name, f"an option of {component}", value, fix)


def _mode_problems(options: Options) -> Iterator[Problem]:
    given = options.get("authentication_mode")
    if is_output(given):
        rule = "a plain value, since it decides which resources there are"
        yield Problem("authentication_mode", rule, "an Output", "write the mode itself")
        return
    mode = str(getattr(given, "value", given) or AuthenticationMode.API)
    if mode == AuthenticationMode.API and _is_given(options, "instance_roles"):
        rule = "mode API does not read aws-auth, where pulumi_eks would write them"
        fix = "take them out: EKS lets the roles of managed node groups in by itself"
        yield Problem("instance_roles", rule, "given", fix)
    if mode == AuthenticationMode.CONFIG_MAP:
        for name, is_on in (("access_entries", _is_given(options, "access_entries")), ("auto_mode", _is_auto(options))):
            if is_on:
                fix = "set authentication_mode to API_AND_CONFIG_MAP or API"
                yield Problem(name, "needs access entries, which mode CONFIG_MAP has not", "given", fix)


def _network_problems(options: Options) -> Iterator[Problem]:
    for name, others in _NOT_TOGETHER:
        for other in others:
            if _is_given(options, name) and _is_given(options, other):
                yield Problem(name, f"not beside {other} (pulumi_eks)", options[name], "give one of the two")
    subnets = ("subnet_ids", "public_subnet_ids", "private_subnet_ids")
    if "vpc_id" in options and not any(name in options for name in subnets):
        rule = "beside it, the subnets of that VPC"
        yield Problem("vpc_id", rule, options["vpc_id"], "give private_subnet_ids, public_subnet_ids or subnet_ids")
    if options.get("endpoint_public_access") is False:
        if options.get("endpoint_private_access", False) is False:
            rule = "the endpoint is public, private or both (EKS)"
            yield Problem("endpoint_public_access", rule, value=False, fix="set endpoint_private_access to True")
        if _is_given(options, "public_access_cidrs"):
            rule = "only where endpoint_public_access is true (pulumi_eks)"
            yield Problem("public_access_cidrs", rule, options["public_access_cidrs"], "take it out")


def _values(options: Options) -> Iterator[Problem]:
    logs = options.get("enabled_cluster_log_types") or ()
    for index, kind in enumerate(() if is_output(logs) else logs):
        if isinstance(kind, str) and kind not in _LOG_TYPES:
            near = difflib.get_close_matches(kind, _LOG_TYPES, n=1)
            fix = f"did you mean {near[0]}?" if near else "take it out"
            yield Problem(f"enabled_cluster_log_types[{index}]", f"one of {', '.join(_LOG_TYPES)} (EKS)", kind, fix)
    version = options.get("version")
    if isinstance(version, float | int):
        yield Problem(
            "version", "a string, in quotes: 1.30 without them is 1.3", version, f'write "{version}", in full'
        )
    family = options.get("ip_family")
    if isinstance(family, str) and family not in {"ipv4", "ipv6"}:
        yield Problem("ip_family", "ipv4 or ipv6 (EKS)", family, "write ipv4 or ipv6")
    key = options.get("encryption_config_key_arn")
    if isinstance(key, str) and key.split(":")[2:3] != ["kms"]:
        rule = "the ARN of a symmetric KMS key in the cluster's region (EKS)"
        yield Problem(
            "encryption_config_key_arn", rule, key, "write what `aws kms describe-key --key-id KEY` shows as Arn"
        )


def _is_given(options: Options, name: str) -> bool:
    value = options.get(name)
    return is_output(value) or value not in (None, [], {}, ())


def _is_auto(options: Options) -> bool:
    auto = options.get("auto_mode")
    return bool(auto.get("enabled") if isinstance(auto, Mapping) else getattr(auto, "enabled", False))
