"""Cluster: a new EKS cluster, or an existing one by its name. Both have the same outputs."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_kubernetes as k8s

from eks_identity.clusters import kubernetes_providers, provider_account
from eks_identity.clusters.cluster_roles import ClusterRoleSettings
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.created_entries import CreatedEntries
from eks_identity.clusters.new_cluster_args import NewClusterArgs
from eks_identity.clusters.node_group_args import NodeGroupArgs
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import arns, names
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import Inputs, parse_output, parsed_by

if TYPE_CHECKING:
    import pulumi_eks as eks

    from eks_identity.clusters.new_cluster import NewCluster

GET_CLUSTER = "aws:eks/getCluster:getCluster"
GET_REGION = "aws:index/getRegion:getRegion"


class ClusterArgs(TypedDict):
    """An existing cluster, by `name`; or a new one, with `create`."""

    name: NotRequired[pulumi.Input[str]]
    """The cluster's name in EKS. Required for an existing cluster."""
    create: NotRequired[NewClusterArgs]
    """Create the cluster with these options of `pulumi_eks.Cluster`. Options that EKS would reject later (modes,
    endpoints, subnets) are rejected at preview."""
    node_groups: NotRequired[dict[str, NodeGroupArgs]]
    """Managed node groups of a new cluster, by name: options of `pulumi_eks.ManagedNodeGroup`. Groups without
    `node_role` or `node_role_arn` share one created role. Pods cannot reach the node's role: IMDSv2 is required with
    hop limit 1, unless the group has a `launch_template`."""
    role_settings: NotRequired[ClusterRoleSettings]
    """Options of the IAM roles that pulumi_eks and this component create for a new cluster."""
    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the role that the kubeconfig assumes; by default it assumes none."""
    profile: NotRequired[pulumi.Input[str]]
    """Name of the AWS profile in the kubeconfig. It must exist wherever the kubeconfig is used."""


@dataclass(frozen=True)
class _Inputs:
    """The inputs that do not depend on another one."""

    name: pulumi.Input[str] | None = parsed_by(names.cluster_name)
    role_arn: pulumi.Input[str] | None = parsed_by(arns.role_arn)
    profile: pulumi.Input[str] | None = parsed_by(names.profile)


@dataclass(frozen=True)
class _InputsOfNew(_Inputs):
    """The same of a new cluster, whose id is its name."""

    name: pulumi.Input[str] | None = parsed_by(names.cluster_name, public=True)


class Cluster(pulumi.ComponentResource):
    """A new EKS cluster created with pulumi_eks, or an existing one that is looked up by its name.

    In the two authentication modes that read aws-auth, pulumi_eks writes that ConfigMap once, with the node roles;
    changes of its data are then left to EKS and `AwsAuthMapping`. The creator is always an administrator: pulumi_eks
    sets this, and EKS would replace the cluster for a change.
    """

    name: pulumi.Output[str]
    """The cluster's name in EKS."""
    arn: pulumi.Output[str]
    """The cluster's ARN."""
    endpoint: pulumi.Output[str]
    """The URL of the API server. A private endpoint is reachable from the cluster's network only."""
    certificate_authority: pulumi.Output[str]
    """Base64, as DescribeCluster returns it."""
    issuer: pulumi.Output[str]
    """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`; a replaced cluster has another."""
    region: pulumi.Output[str]
    """The cluster's region, which may differ from the provider's."""
    account_id: pulumi.Output[str]
    """The cluster's account, twelve digits."""
    partition: pulumi.Output[str]
    """`aws`, `aws-cn` or `aws-us-gov`."""
    authentication_mode: pulumi.Output[str]
    """`CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig as JSON; its user runs `aws eks get-token` with the region."""

    @overload
    def __init__(self, resource_name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[ClusterArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: ClusterArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'Cluster "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, ClusterArgs) as inputs:
            values = inputs.read(_InputsOfNew if "create" in args else _Inputs)
            new = _new_cluster(inputs, args)

        super().__init__("eks-identity:index:Cluster", resource_name, {}, opts)
        self._eks: eks.Cluster | None = None
        if new is None:
            self._look_up(subject, args["name"])
        else:
            self._create(resource_name, values, new)
            if new.mode.reads_access_entries:
                CreatedEntries(inputs, self, self.arn).declare(new.options.get("access_entries", {}))
        arn = self.arn.apply(arns.Arn.parse) if new is None else self._arn_of_new()
        self.region = arn.apply(lambda parsed: parsed.region)
        self.account_id = arn.apply(lambda parsed: parsed.account)
        self.partition = arn.apply(lambda parsed: parsed.partition.name)
        self.kubeconfig = pulumi.Output.all(
            cluster_arn=self.arn,
            cluster_name=self.name,
            endpoint=self.endpoint,
            certificate_authority=self.certificate_authority,
            region=self.region,
            role_arn=values.role_arn,
            profile=values.profile,
        ).apply(lambda fields: kubeconfigs.dumps(kubeconfigs.kubeconfig(**fields)))
        self._kubernetes = k8s.Provider(
            resource_name,
            kubeconfig=self.kubeconfig,
            enable_server_side_apply=True,
            enable_config_map_mutable=True,
            # The access of the provider's user is deleted after everything that the provider created.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self._eks] if self._eks else None,
                aliases=[] if self._eks else [_imported(resource_name)],
            ),
        )
        kubernetes_providers.record_kubeconfig(self._kubernetes, self.kubeconfig)
        self.register_outputs({**self.connection})

    @property
    def eks(self) -> "eks.Cluster | None":
        """The cluster of pulumi_eks; None for an existing one."""
        return self._eks

    @property
    def provider(self) -> k8s.Provider:
        """The kubernetes provider of this cluster, with server-side apply and ConfigMaps that change in place.

        Until the cluster exists its kubeconfig is unknown, and the engine calls no API server.
        """
        return self._kubernetes

    @property
    def connection(self) -> ClusterConnection:
        """The connection, which `ClusterAccess` and `WorkloadIdentity` accept as `cluster`."""
        return {
            "name": self.name,
            "arn": self.arn,
            "endpoint": self.endpoint,
            "certificate_authority": self.certificate_authority,
            "issuer": self.issuer,
            "region": self.region,
            "account_id": self.account_id,
            "partition": self.partition,
            "authentication_mode": self.authentication_mode,
            "kubeconfig": self.kubeconfig,
        }

    def _look_up(self, subject: str, name: pulumi.Input[str]) -> None:
        async def describe(resolved: str) -> dict[str, Any]:
            try:
                return await self._invoke(GET_CLUSTER, {"name": resolved})
            except invoke.InvokeError as error:
                raise await self._not_found(resolved, error) from None

        described: pulumi.Output[dict[str, Any]] = parse_output(name, describe, subject, "name")
        self.name = described.apply(lambda cluster: str(cluster["name"]))
        self.arn = described.apply(lambda cluster: str(cluster["arn"]))
        self.endpoint = described.apply(lambda cluster: str(cluster["endpoint"]))
        self.certificate_authority = described.apply(lambda cluster: str(cluster["certificateAuthorities"][0]["data"]))
        self.issuer = described.apply(lambda cluster: str(cluster["identities"][0]["oidcs"][0]["issuer"]))
        # A cluster that is older than access entries has no access config: it reads the ConfigMap only.
        self.authentication_mode = described.apply(
            lambda cluster: (
                str(cluster["accessConfigs"][0]["authenticationMode"])
                if cluster.get("accessConfigs")
                else AuthenticationMode.CONFIG_MAP.value
            )
        )

    async def _invoke(self, function: str, args: dict[str, Any]) -> dict[str, Any]:
        return await invoke.invoke(function, args, self.get_provider(function), version=version("pulumi_aws"))

    async def _not_found(self, name: str, error: Exception) -> InvalidInput:
        """Return the validation error for a failed look-up, with the region that was queried."""
        region, listed = "the provider's region", "write one that `aws eks list-clusters` shows"
        try:
            region = str((await self._invoke(GET_REGION, {}))["region"])
            listed = f"write one that `aws eks list-clusters --region {region}` shows"
        except invoke.InvokeError as second:
            diagnostics.debug(f"cannot read the provider's region: {second}", self)
        rule = f"must be a cluster in {region} that these credentials may describe; AWS: {_reason(error)}"
        fix = f"{listed}, or set create to create the cluster"
        return InvalidInput([Problem("", rule, name, fix)])

    def _create(self, name: str, values: _Inputs, new: "NewCluster") -> None:
        credentials = {"role_arn": values.role_arn, "profile_name": values.profile}
        kubeconfig_options = {key: value for key, value in credentials.items() if value is not None}
        self._eks = new.register(self, name, values.name, kubeconfig_options)
        cluster = self._eks.eks_cluster
        self.name = cluster.name
        self.arn = cluster.arn
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        self.issuer = cluster.identities[0].oidcs[0].issuer
        self.authentication_mode = pulumi.Output.from_input(new.mode.value)

    def _arn_of_new(self) -> pulumi.Output[arns.Arn]:
        """Return the ARN; if a preview does not know it, one of the account and region that the cluster will have."""

        def resolved_or_planned(arn: Any) -> Any:
            if isinstance(arn, str):
                return arns.Arn.parse(arn)
            return provider_account.get_account_and_region(self.get_provider("aws:index:Any"))

        return self.arn.apply(resolved_or_planned, run_with_unknowns=True)


def _new_cluster(inputs: Inputs, args: ClusterArgs) -> "NewCluster | None":
    if "create" in args:
        from eks_identity.clusters.new_cluster import NewCluster  # noqa: PLC0415 - pulumi_eks is slow to import

        return NewCluster.read(inputs, args["create"], args.get("node_groups", {}), args.get("role_settings", {}))
    if "name" not in args:
        rule = "must be set for an existing cluster, or create for a new one"
        inputs.reject(Problem("name", rule, None, "set name, or create"))
    for key, value in (("node_groups", args.get("node_groups")), ("role_settings", args.get("role_settings"))):
        if value is not None:
            inputs.reject(Problem(key, "must be omitted without create", value, "set create, or remove it"))
    return None


def _imported(name: str) -> pulumi.Alias:
    """Return the alias of a provider that `pulumi import` brought into the state, as `eks-access adopt` writes it.

    It is imported at the top level of the stack: the engine creates imported providers before components, and so
    before this one's parent.
    """
    return pulumi.Alias(name=f"imported-{name}", parent=pulumi.ROOT_STACK_RESOURCE)


def _reason(error: Exception) -> str:
    """Return AWS's message without the prefixes of plugin and engine."""
    return str(error).rpartition("returned an error: ")[2].strip()
