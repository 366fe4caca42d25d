"""An EKS cluster to declare identity on: a new one, or one that is there. Both give the same outputs."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s

from eks_identity.errors import Problem
from eks_identity.inputs import Inputs
from eks_identity.model import arns, names
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import AuthenticationMode

NOT_OURS = {
    "create_oidc_provider": "use OidcProvider: it opens no connection while the program runs, and can adopt",
    "user_mappings": "use ClusterAccess or AwsAuthMapping: the ConfigMap's data is left alone once it is there",
    "role_mappings": "use ClusterAccess or AwsAuthMapping: the ConfigMap's data is left alone once it is there",
    "name": "give the name beside `create`",
}
"""Options of pulumi_eks that something here does better, and what."""


class ClusterConnection(TypedDict):
    """What other components need of a cluster; `Cluster.connection`, or written out for a cluster of another stack."""

    name: pulumi.Input[str]
    arn: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    """Base64, as DescribeCluster gives it."""
    issuer: pulumi.Input[str]
    """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`"""
    region: pulumi.Input[str]
    account_id: pulumi.Input[str]
    partition: pulumi.Input[str]
    authentication_mode: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]


class ClusterArgs(TypedDict):
    """A cluster that is there, by `name`; or a new one, with `create`."""

    name: NotRequired[pulumi.Input[str]]
    """The cluster's name in EKS. Needed for a cluster that is there."""
    create: NotRequired[dict[str, Any]]
    """Make the cluster, with these options of `pulumi_eks.Cluster`. `authentication_mode` is `API` where left out."""
    role_arn: NotRequired[pulumi.Input[str]]
    """The role that the kubeconfig assumes; else whoever uses it is themselves."""
    profile: NotRequired[pulumi.Input[str]]
    """The AWS profile that the kubeconfig names. It must exist wherever that is used."""


class Cluster(pulumi.ComponentResource):
    """A new EKS cluster through pulumi_eks, or one that is there by its name.

    In the two modes that read aws-auth, pulumi_eks writes that ConfigMap once, with the node roles, and from then on
    its data is left to EKS and to `AwsAuthMapping`.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    """Base64, as DescribeCluster gives it."""
    issuer: pulumi.Output[str]
    """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`; a replaced cluster has another."""
    region: pulumi.Output[str]
    account_id: pulumi.Output[str]
    partition: pulumi.Output[str]
    authentication_mode: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    """JSON, which is YAML too: a user that calls `aws eks get-token`, the region explicit."""
    provider: k8s.Provider
    """Reaches this cluster and no other: server-side apply, ConfigMaps changed in place."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'Cluster "{name}"', args, ClusterArgs) as inputs:
            options = args.get("create")
            if "name" in args:
                inputs.take("name", args["name"], names.cluster_name)
            elif options is None:
                rule = "a cluster that is there has a name; a new one has create"
                inputs.problems.add("name", rule, None, "write name, or create")
            role_arn = inputs.take("role_arn", args["role_arn"], arns.role_arn) if "role_arn" in args else None
            if options is not None:
                inputs.require(*_option_problems(options))
                mode = options.get("authentication_mode", AuthenticationMode.API.value)
                inputs.problems.take("create.authentication_mode", AuthenticationMode.parse, _text(mode))

        super().__init__("eks-identity:index:Cluster", name, {}, opts)
        if options is None:
            self._look_up(args["name"])
        else:
            self._create(name, {**options, **({"name": args["name"]} if "name" in args else {})})
        arn = self.arn.apply(arns.Arn.parse)
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
        self.provider = k8s.Provider(
            name,
            kubeconfig=self.kubeconfig,
            enable_server_side_apply=True,
            enable_config_map_mutable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({**self.connection})

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

    def _look_up(self, name: pulumi.Input[str]) -> None:
        found = aws.eks.get_cluster_output(name=name, opts=pulumi.InvokeOutputOptions(parent=self))
        self.name = found.name
        self.arn = found.arn
        self.endpoint = found.endpoint
        self.certificate_authority = found.certificate_authorities.apply(lambda known: known[0].data)
        self.issuer = found.identities.apply(lambda known: known[0].oidcs[0].issuer)
        # Clusters from before access entries have no access config: they read the ConfigMap alone.
        self.authentication_mode = found.access_configs.apply(
            lambda known: known[0].authentication_mode if known else AuthenticationMode.CONFIG_MAP.value
        )

    def _create(self, name: str, options: dict[str, Any]) -> None:
        mode = AuthenticationMode.parse(_text(options.get("authentication_mode", AuthenticationMode.API.value)))
        made = eks.Cluster(
            name,
            eks.ClusterArgs(
                **{
                    "enable_config_map_mutable": True,
                    **options,
                    "authentication_mode": eks.AuthenticationMode(mode.value),
                    "create_oidc_provider": False,
                }
            ),
            pulumi.ResourceOptions(parent=self, transforms=[keep_aws_auth_data]),
        ).eks_cluster
        self.name = made.name
        self.arn = made.arn
        self.endpoint = made.endpoint
        self.certificate_authority = made.certificate_authority.data
        self.issuer = made.identities[0].oidcs[0].issuer
        self.authentication_mode = pulumi.Output.from_input(mode.value)


def keep_aws_auth_data(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """Leaves the data of aws-auth alone once it is there: EKS, eksctl and `AwsAuthMapping` write it too."""
    if args.type_ != "kubernetes:core/v1:ConfigMap" or not isinstance(args.props, Mapping):
        return None
    metadata = args.props.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("name") != "aws-auth":
        return None
    kept = pulumi.ResourceOptions(ignore_changes=["data"])
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, kept))


def _option_problems(options: dict[str, Any]) -> list[Problem]:
    known = [name for name in inspect.signature(eks.ClusterArgs).parameters if name != "self"]
    problems = []
    for name, value in options.items():
        if name in NOT_OURS:
            problems.append(Problem(f"create.{name}", "not through pulumi_eks", value, NOT_OURS[name]))
        elif name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]}?" if near else "see the arguments of pulumi_eks.Cluster"
            problems.append(Problem(f"create.{name}", "an option of pulumi_eks.Cluster", value, fix))
    return problems


def _text(mode: Any) -> str:
    return mode.value if isinstance(mode, eks.AuthenticationMode) else str(mode)
