"""An EKS cluster to declare identity on: a new one, or one that is there. Both give the same outputs."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from eks_identity.clusters import kubernetes_providers, provider_account
from eks_identity.clusters.cluster_roles import ClusterRoleSettings
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.created_entries import CreatedEntries
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import arns, names
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.inputs import Inputs, refusing

if TYPE_CHECKING:
    import pulumi_eks as eks

    from eks_identity.clusters.new_cluster import NewCluster

LOOK_UP = "aws:eks/getCluster:getCluster"
GET_REGION = "aws:index/getRegion:getRegion"


class ClusterArgs(TypedDict):
    """A cluster that is there, by `name`; or a new one, with `create`."""

    name: NotRequired[pulumi.Input[str]]
    """The cluster's name in EKS. Needed for a cluster that is there."""
    create: NotRequired[dict[str, Any]]
    """Make the cluster, with these options of `pulumi_eks.Cluster`, under its own names. `authentication_mode` is `API`
    where left out, and `skip_default_node_group` is true where there are `node_groups`. What the options would break
    later (modes, endpoints, subnets) is refused in the preview. `access_entries` may hold principals that no
    `ClusterAccess` of the program declares for this cluster, and not the cluster's creator."""
    node_groups: NotRequired[dict[str, dict[str, Any]]]
    """Managed node groups of a new cluster, by name: options of `pulumi_eks.ManagedNodeGroup`, under its own names. One
    without `node_role` or `node_role_arn` gets a role that is made here, one for all. Pods cannot reach the node's
    role: IMDSv2 is required with hop limit 1, unless the group brings a `launch_template`."""
    role_settings: NotRequired[ClusterRoleSettings]
    """What is said of the IAM roles that are made for a new cluster, by pulumi_eks and here."""
    role_arn: NotRequired[pulumi.Input[str]]
    """The role that the kubeconfig assumes; else whoever uses it is themselves."""
    profile: NotRequired[pulumi.Input[str]]
    """The AWS profile that the kubeconfig names. It must exist wherever that is used."""


class Cluster(pulumi.ComponentResource):
    """A new EKS cluster through pulumi_eks, or one that is there by its name.

    In the two modes that read aws-auth, pulumi_eks writes that ConfigMap once, with the node roles, and from then on
    its data is left to EKS and to `AwsAuthMapping`. The creator is an administrator always: pulumi_eks decides so, and
    EKS would replace the cluster for a change.
    """

    name: pulumi.Output[str]
    """The cluster's name in EKS."""
    arn: pulumi.Output[str]
    """The cluster's ARN."""
    endpoint: pulumi.Output[str]
    """The URL of the API server; out of reach from elsewhere where the cluster's endpoint is private only."""
    certificate_authority: pulumi.Output[str]
    """Base64, as DescribeCluster gives it."""
    issuer: pulumi.Output[str]
    """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`; a replaced cluster has another."""
    region: pulumi.Output[str]
    """Of the cluster, which may be another than the provider's."""
    account_id: pulumi.Output[str]
    """The cluster's account, twelve digits."""
    partition: pulumi.Output[str]
    """`aws`, `aws-cn` or `aws-us-gov`."""
    authentication_mode: pulumi.Output[str]
    """`CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`."""
    kubeconfig: pulumi.Output[str]
    """JSON, which is YAML too: a user that calls `aws eks get-token`, the region explicit."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        subject = f'Cluster "{name}"'
        with Inputs(subject, args, ClusterArgs) as inputs:
            if "name" in args:
                inputs.take("name", args["name"], names.cluster_name)
            role_arn = inputs.take("role_arn", args["role_arn"], arns.role_arn) if "role_arn" in args else None
            if "profile" in args:
                inputs.take("profile", args["profile"], names.profile)
            new = _new(inputs, args)

        super().__init__("eks-identity:index:Cluster", name, {}, opts)
        self._eks: eks.Cluster | None = None
        if new is None:
            self._look_up(subject, args["name"])
        else:
            self._create(name, args, new)
            if new.mode.reads_access_entries:
                CreatedEntries(inputs, self, self.arn).declare(new.options.get("access_entries"))
        arn = self.arn.apply(arns.Arn.parse) if new is None else self._arn_of_new()
        self.region = arn.apply(lambda known: known.region)
        self.account_id = arn.apply(lambda known: known.account)
        self.partition = arn.apply(lambda known: known.partition.name)
        self.kubeconfig = pulumi.Output.all(
            cluster_arn=self.arn,
            cluster_name=self.name,
            endpoint=self.endpoint,
            certificate_authority=self.certificate_authority,
            region=self.region,
            role_arn=role_arn,
            profile=args.get("profile"),
        ).apply(lambda known: kubeconfigs.dumps(kubeconfigs.kubeconfig(**known)))
        self._kubernetes = k8s.Provider(
            name,
            kubeconfig=self.kubeconfig,
            enable_server_side_apply=True,
            enable_config_map_mutable=True,
            # Whatever lets its user in stays until everything that was made through it is gone.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._eks] if self._eks else None),
        )
        kubernetes_providers.remember(self._kubernetes, self.kubeconfig)
        self.register_outputs({**self.connection})

    @property
    def eks(self) -> "eks.Cluster | None":
        """What pulumi_eks made; None for a cluster that was there."""
        return self._eks

    @property
    def provider(self) -> k8s.Provider:
        """Reaches this cluster and no other: server-side apply, ConfigMaps changed in place.

        While the cluster is only planned, its kubeconfig is unknown, and the engine asks nobody anything.
        """
        return self._kubernetes

    @property
    def connection(self) -> ClusterConnection:
        """What `ClusterAccess` and `WorkloadIdentity` take as `cluster`."""
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
        async def described(known: str) -> dict[str, Any]:
            try:
                return await self._ask(LOOK_UP, {"name": known})
            except invoke.InvokeError as error:
                raise await self._not_found(known, error) from None

        found: pulumi.Output[dict[str, Any]] = refusing(name, described, subject, "name")
        self.name = found.apply(lambda known: str(known["name"]))
        self.arn = found.apply(lambda known: str(known["arn"]))
        self.endpoint = found.apply(lambda known: str(known["endpoint"]))
        self.certificate_authority = found.apply(lambda known: str(known["certificateAuthorities"][0]["data"]))
        self.issuer = found.apply(lambda known: str(known["identities"][0]["oidcs"][0]["issuer"]))
        # Clusters from before access entries have no access config: they read the ConfigMap alone.
        self.authentication_mode = found.apply(
            lambda known: (
                str(known["accessConfigs"][0]["authenticationMode"])
                if known.get("accessConfigs")
                else AuthenticationMode.CONFIG_MAP.value
            )
        )

    async def _ask(self, function: str, asked: dict[str, Any]) -> dict[str, Any]:
        return await invoke.invoke(function, asked, self.get_provider(function), version=version("pulumi_aws"))

    async def _not_found(self, name: str, error: Exception) -> InvalidInput:
        """What the plugin said, as a refusal that says where it was looked for."""
        region = "the provider's region"
        try:
            region = str((await self._ask(GET_REGION, {}))["region"])
        except invoke.InvokeError as second:
            diagnostics.debug(f"cannot see which region this is: {second}", self)
        rule = f"a cluster in {region} that these credentials may describe; AWS: {_reason(error)}"
        fix = f"see `aws eks list-clusters --region {region}`, or make the cluster with create"
        return InvalidInput([Problem("", rule, name, fix)])

    def _create(self, name: str, args: ClusterArgs, new: "NewCluster") -> None:
        credentials = {"role_arn": args.get("role_arn"), "profile_name": args.get("profile")}
        given = {key: value for key, value in credentials.items() if value is not None}
        self._eks = new.make(self, name, args.get("name"), given)
        made = self._eks.eks_cluster
        self.name = made.name
        self.arn = made.arn
        self.endpoint = made.endpoint
        self.certificate_authority = made.certificate_authority.data
        self.issuer = made.identities[0].oidcs[0].issuer
        self.authentication_mode = pulumi.Output.from_input(new.mode.value)

    def _arn_of_new(self) -> pulumi.Output[arns.Arn]:
        """The ARN; in a preview that does not know it, one of the account and region that the cluster will be in."""

        def known_or_planned(arn: Any) -> Any:
            return (
                arns.Arn.parse(arn)
                if isinstance(arn, str)
                else provider_account.place_of(self.get_provider("aws:index:Any"))
            )

        return self.arn.apply(known_or_planned, run_with_unknowns=True)


def _new(inputs: Inputs, args: ClusterArgs) -> "NewCluster | None":
    if "create" in args:
        from eks_identity.clusters.new_cluster import NewCluster  # noqa: PLC0415 - pulumi_eks takes a while

        return NewCluster.of(inputs, args["create"], args.get("node_groups", {}), args.get("role_settings", {}))
    if "name" not in args:
        rule = "a cluster that is there has a name; a new one has create"
        inputs.problems.add("name", rule, None, "write name, or create")
    for key, value in (("node_groups", args.get("node_groups")), ("role_settings", args.get("role_settings"))):
        if value is not None:
            inputs.problems.add(key, "only for a new cluster", value, "add create, or take it out")
    return None


def _reason(error: Exception) -> str:
    """What AWS said, without the names that plugin and engine put in front."""
    return str(error).rpartition("returned an error: ")[2].strip()
