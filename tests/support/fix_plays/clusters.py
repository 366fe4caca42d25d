"""Fixes of clusters, their nodes and their connections."""

from typing import Any

from support.component_program import ACCOUNT, PluginError, cluster_facts
from support.fix_plays.play import REMOVE, Play, connection
from support.sample_args import role_arn


def _create(**options: Any) -> dict[str, Any]:
    return {"create": {"skip_default_node_group": True, **options}}


def _groups(**options: Any) -> dict[str, Any]:
    return {**_create(), "node_groups": {"apps": options}}


GROUPS = {"instance_roles": [role_arn("nodes")]}
CONFIG_MAP = {"authentication_mode": "CONFIG_MAP"}
ALL = {"scaling_config": {"min_size": 1, "max_size": 1, "desired_size": 1}}


def _only_eks_clu(args: dict[str, Any]) -> dict[str, Any]:
    if args["name"] != "eks-clu":
        raise PluginError("couldn't find resource")
    return cluster_facts()


PLAYS = [
    Play("Cluster", "set name, or create", {"name": REMOVE}, {}),
    Play("Cluster", "set create, or remove it", {"node_groups": {"a": ALL}}, {"node_groups": {"a": ALL}, **_create()}),
    Play(
        "Cluster",
        "remove one of the two",
        _create(subnet_ids=["s"], private_subnet_ids=["s"]),
        _create(subnet_ids=["s"]),
    ),
    Play("Cluster", "did you mean", _create(subnet_idz=["s"]), _create(subnet_ids=["s"])),
    Play("Cluster", "remove it, or write an option of pulumi_eks.Cluster", _create(nonsense=1), _create()),
    Play(
        "Cluster",
        "remove it: EKS itself gives the roles",
        _create(instance_roles=["r"]),
        _create(),
    ),
    Play(
        "Cluster",
        "set authentication_mode to API_AND_CONFIG_MAP or API",
        _create(**CONFIG_MAP, auto_mode={"enabled": True}),
        _create(authentication_mode="API", auto_mode={"enabled": True}),
    ),
    Play(
        "Cluster",
        "write a prefix of your own",
        _groups(**ALL, labels={"node-role.kubernetes.io/worker": "true"}),
        _groups(**ALL, labels={"example.com/role": "true"}),
    ),
    Play(
        "Cluster",
        "rename the label",
        _groups(**ALL, labels={"eks.amazonaws.com/role": "worker"}),
        _groups(**ALL, labels={"role": "worker"}),
    ),
    Play(
        "Cluster",
        "write NO_SCHEDULE",
        _groups(**ALL, taints=[{"key": "gpu", "effect": "NoSchedule"}]),
        _groups(**ALL, taints=[{"key": "gpu", "effect": "NO_SCHEDULE"}]),
    ),
    Play(
        "Cluster",
        "remove a taint gpu with effect NO_SCHEDULE",
        _groups(**ALL, taints=[{"key": "gpu", "effect": "NO_SCHEDULE"}] * 2),
        _groups(**ALL, taints=[{"key": "gpu", "effect": "NO_SCHEDULE"}]),
    ),
    Play("Cluster", "write a value, such as", _groups(**ALL, labels={"a": ""}), _groups(**ALL, labels={"a": "true"})),
    Play("Cluster", "set private_subnet_ids", _create(vpc_id="v"), _create(vpc_id="v", private_subnet_ids=["s"])),
    Play(
        "Cluster",
        "set endpoint_private_access to True",
        _create(endpoint_public_access=False),
        _create(endpoint_public_access=False, endpoint_private_access=True),
    ),
    Play(
        "Cluster",
        "remove it",
        _create(endpoint_public_access=False, endpoint_private_access=True, public_access_cidrs=["1.2.3.4/32"]),
        _create(endpoint_public_access=False, endpoint_private_access=True),
    ),
    Play(
        "Cluster",
        "write an id that `aws ec2 describe-security-groups`",
        _create(cluster_security_group="web"),
        _create(cluster_security_group="sg-1"),
    ),
    Play("Cluster", 'write "1.33", with all digits', _create(version=1.33), _create(version="1.33")),
    Play("Cluster", "write ipv4 or ipv6", _create(ip_family="six"), _create(ip_family="ipv6")),
    Play(
        "Cluster",
        "write the Arn that `aws kms describe-key --key-id KEY`",
        _create(encryption_config_key_arn="alias/x"),
        _create(encryption_config_key_arn=f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/x"),
    ),
    Play(
        "Cluster",
        "set node_role, or add the role to create.instance_roles",
        {**_create(**CONFIG_MAP), "node_groups": {"a": {**ALL, "node_role_arn": role_arn("n")}}},
        {**_create(**CONFIG_MAP, **GROUPS), "node_groups": {"a": {**ALL, "node_role_arn": role_arn("n")}}},
    ),
    Play("Cluster", "set launch_template to one with a key_name", _groups(**ALL, remote_access={}), _groups(**ALL)),
    Play(
        "Cluster",
        "set it in the launch template",
        _groups(**ALL, launch_template={"id": "lt-1", "version": "1"}, disk_size=20),
        _groups(**ALL, launch_template={"id": "lt-1", "version": "1"}),
    ),
    Play(
        "Cluster",
        "remove 1 of them",
        {**_create(), "role_settings": {"tags": {str(number): "x" for number in range(51)}}},
        {**_create(), "role_settings": {"tags": {str(number): "x" for number in range(50)}}},
    ),
    Play("NodeIsolation", "set disk_size", {"disk_device": "/dev/xvda"}, {"disk_device": "/dev/xvda", "disk_size": 9}),
    Play(
        "NodeIsolation",
        "write the DeviceName",
        {"disk_device": "disk", "disk_size": 9},
        {"disk_device": "/dev/xvda", "disk_size": 9},
    ),
    Play("NodeIsolation", "write a prefix of that form, or remove it", {"name_prefix": "a b"}, {}),
    # connections
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.endpoint`",
        connection(endpoint="x"),
        {},
    ),
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.certificateAuthority.data`",
        connection(certificate_authority="x"),
        {},
    ),
    Play(
        "WorkloadIdentity",
        "write what `aws eks describe-cluster --name NAME --query cluster.identity.oidc.issuer`",
        connection(issuer="x y"),
        {},
    ),
    Play("WorkloadIdentity", "pass Cluster.connection", connection(name="another"), {}),
    Play("WorkloadIdentity", "write aws, or aws-cn in China", connection(partition="x"), {}),
    Play("WorkloadIdentity", "write API, the mode of new clusters", connection(authentication_mode="x"), {}),
    Play("WorkloadIdentity", "pass pathlib.Path(path)", connection(kubeconfig="./kubeconfig.yaml"), {}),
    Play("WorkloadIdentity", "set namespace", {"namespace": REMOVE}, {}),
    Play(
        "Cluster",
        "write one that `aws eks list-clusters --region ap-northeast-1` shows",
        {"name": "gone"},
        {"name": "eks-clu"},
        cloud={"getCluster": _only_eks_clu},
    ),
    Play(
        "Cluster",
        "write one that `aws eks list-clusters --region ap-northeast-1` shows, or set create",
        {"name": "gone"},
        {"name": "gone", **_create()},
        cloud={"getCluster": _only_eks_clu},
    ),
    # options of pulumi_eks that the library replaces
    Play(
        "Cluster",
        "remove it: pulumi_eks always gives the creator access",
        _create(bootstrap_cluster_creator_admin_permissions=False),
        _create(),
    ),
    Play("Cluster", "remove it, and declare an OidcProvider", _create(create_oidc_provider=True), _create()),
    Play(
        "Cluster",
        "remove it; run as that role",
        _create(creation_role_provider="x"),
        {**_create(), "role_arn": role_arn("creator")},
    ),
    Play(
        "Cluster",
        "remove it, and set name beside `create`",
        {**_create(name="eks-clu"), "name": REMOVE},
        {**_create(), "name": "eks-clu"},
    ),
    Play("Cluster", "remove it, and use ClusterAccess or AwsAuthMapping", _create(role_mappings=[]), _create()),
    Play("Cluster", "remove it: the node group belongs to this cluster", _groups(**ALL, cluster="x"), _groups(**ALL)),
    Play("Cluster", "remove it: IMDSv2 is required", _groups(**ALL, enable_imd_sv2=True), _groups(**ALL)),
]
