"""Options of the add-ons that pulumi_eks installs in a new cluster, with the names that pulumi_eks has for them."""

from typing import Any, NotRequired, TypedDict

import pulumi

from eks_identity.runtime.typed_dicts import sdk_options


class AddonConflicts(TypedDict):
    """How EKS resolves conflicts of an add-on with existing objects."""

    resolve_conflicts_on_create: NotRequired[str]
    """Existing fields when the add-on is created: `NONE` fails, `OVERWRITE` replaces them. Default: `OVERWRITE`."""
    resolve_conflicts_on_update: NotRequired[str]
    """Changed fields when the add-on is updated: `NONE`, `OVERWRITE` or `PRESERVE`. Default: `OVERWRITE`."""


class _AddonOptions(AddonConflicts):
    version: NotRequired[pulumi.Input[str]]
    """Version of the add-on, as `aws eks describe-addon-versions` prints it. Default: the one for the cluster's
    Kubernetes version."""
    configuration_values: NotRequired[pulumi.Input[dict[str, Any]]]
    """Configuration of the add-on, with its own keys: a document of the schema that `aws eks
    describe-addon-configuration` prints."""


@sdk_options("pulumi_eks.CoreDnsAddonOptionsArgs")
class CoreDnsAddonOptions(_AddonOptions):
    """Options of the add-on CoreDNS."""

    enabled: NotRequired[bool]
    """Whether pulumi_eks installs the add-on; else EKS's self-managed CoreDNS remains. Default: true with the default
    node group, `fargate` or `configuration_values`, false with `auto_mode`."""


@sdk_options("pulumi_eks.KubeProxyAddonOptionsArgs")
class KubeProxyAddonOptions(_AddonOptions):
    """Options of the add-on kube-proxy."""

    enabled: NotRequired[bool]
    """Whether pulumi_eks installs the add-on. Default: true, with `auto_mode` false."""


@sdk_options("pulumi_eks.VpcCniOptionsArgs")
class VpcCniOptions(AddonConflicts):
    """Options of the add-on VPC CNI. Source: Amazon VPC CNI plugin for Kubernetes, README."""

    addon_version: NotRequired[pulumi.Input[str]]
    """Version of the add-on. Default: the newest for the cluster's Kubernetes version."""
    configuration_values: NotRequired[pulumi.Input[dict[str, Any]]]
    """Configuration of the add-on, with its own keys: a document of the schema that `aws eks
    describe-addon-configuration` prints."""
    service_account_role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the IAM role of the add-on's service account (IRSA). By default the add-on uses the nodes' role."""
    enable_network_policy: NotRequired[pulumi.Input[bool]]
    """Whether the add-on enforces NetworkPolicies. Default: false."""
    enable_prefix_delegation: NotRequired[pulumi.Input[bool]]
    """Whether network interfaces get /28 prefixes in place of single addresses. Default: false."""
    enable_pod_eni: NotRequired[pulumi.Input[bool]]
    """Whether pods can have security groups of their own. Default: false."""
    disable_tcp_early_demux: NotRequired[pulumi.Input[bool]]
    """Whether the kubelet's TCP probes reach pods with security groups, with a little more latency. Default: false."""
    custom_network_config: NotRequired[pulumi.Input[bool]]
    """Whether pods use subnets and security groups of ENIConfigs. Default: false."""
    cni_custom_network_cfg: NotRequired[pulumi.Input[bool]]
    """As `custom_network_config`, the variable `AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG`. Default: false."""
    eni_config_label_def: NotRequired[pulumi.Input[str]]
    """Node label that names the ENIConfig, such as `topology.kubernetes.io/zone`."""
    external_snat: NotRequired[pulumi.Input[bool]]
    """Whether an external NAT gateway translates the pods' addresses. Default: false."""
    cni_external_snat: NotRequired[pulumi.Input[bool]]
    """As `external_snat`, the variable `AWS_VPC_K8S_CNI_EXTERNALSNAT`. Default: false."""
    cni_configure_rpfilter: NotRequired[pulumi.Input[bool]]
    """Whether the add-on sets the reverse path filter of the primary interface. Default: false."""
    node_port_support: NotRequired[pulumi.Input[bool]]
    """Whether NodePort services work on the primary interface. Default: true."""
    security_context_privileged: NotRequired[pulumi.Input[bool]]
    """Whether the add-on's containers are privileged, which SELinux requires. Default: false."""
    warm_eni_target: NotRequired[pulumi.Input[int]]
    """Number of free network interfaces that a node keeps. Default: 1."""
    warm_ip_target: NotRequired[pulumi.Input[int]]
    """Number of free IP addresses that a node keeps. By default `warm_eni_target` applies."""
    warm_prefix_target: NotRequired[pulumi.Input[int]]
    """Number of free /28 prefixes that a node keeps, with prefix delegation."""
    eni_mtu: NotRequired[pulumi.Input[int]]
    """MTU of the network interfaces in bytes, 576 to 9001. Default: 9001."""
    veth_prefix: NotRequired[pulumi.Input[str]]
    """Prefix of the names of host interfaces, at most 4 characters. Default: `eni`."""
    log_level: NotRequired[pulumi.Input[str]]
    """`DEBUG` (default), `INFO`, `WARN`, `ERROR` or `FATAL`."""
    log_file: NotRequired[pulumi.Input[str]]
    """Path of the log file on the node. Default: `stdout`, the pod's log."""
