"""New clusters: accepted and rejected options of pulumi_eks, roles and launch templates; and NodeIsolation."""

import json

import pulumi
import pulumi_aws as aws
import pytest

import eks_identity as eks
from eks_identity.clusters.cluster_roles import ClusterRoles
from eks_identity.clusters.node_isolation import isolate_launch_templates
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, PluginError, deploy

EKS = "eks:index:Cluster"
GROUP = "eks:index:ManagedNodeGroup"
ROLE = "aws:iam/role:Role"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
NODE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/node"
CLOUD = {"getPartition": {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn", "id": "aws-cn"}}


def new(opts=None, **args):
    """Return the preview of a new cluster with these args."""
    args = {"create": {}, **args}
    return deploy(lambda: eks.Cluster("clu", args, opts), preview=True, cloud=Cloud(**CLOUD))


def rejected_inputs(**args):
    with pytest.raises(InvalidInputError) as error:
        new(**args)
    assert all(problem.fix and problem.rule for problem in error.value.problems)
    return [problem.input for problem in error.value.problems]


@pytest.mark.parametrize(
    ("create", "field"),
    [
        ({"name": "clu"}, "name"),
        ({"role_mappings": []}, "role_mappings"),
        ({"creation_role_provider": {}}, "creation_role_provider"),
        ({"bootstrap_cluster_creator_admin_permissions": False}, "bootstrap_cluster_creator_admin_permissions"),
        ({"vpc_id": "vpc-1"}, "vpc_id"),
        ({"subnet_ids": ["a"], "private_subnet_ids": ["a"]}, "subnet_ids"),
        (
            {"instance_role": NODE_ROLE, "instance_roles": [NODE_ROLE], "authentication_mode": "CONFIG_MAP"},
            "instance_role",
        ),
        ({"node_group_options": {"min_size": 1}, "instance_type": "t3.large"}, "node_group_options"),
        ({"endpoint_public_access": False}, "endpoint_public_access"),
        (
            {"endpoint_public_access": False, "endpoint_private_access": True, "public_access_cidrs": ["10.0.0.0/8"]},
            "public_access_cidrs",
        ),
        ({"enabled_cluster_log_types": ["api", "audits"]}, "enabled_cluster_log_types[1]"),
        ({"ip_family": "ipv5"}, "ip_family"),
        ({"version": 1.30}, "version"),
        ({"encryption_config_key_arn": "alias/eks"}, "encryption_config_key_arn"),
        ({"instance_roles": [NODE_ROLE]}, "instance_roles"),
        (
            {"access_entries": {"a": {"principal_arn": NODE_ROLE}}, "authentication_mode": "CONFIG_MAP"},
            "access_entries",
        ),
        ({"auto_mode": {"enabled": True}, "authentication_mode": "CONFIG_MAP"}, "auto_mode"),
        ({"enpoint_public_access": True}, "enpoint_public_access"),
    ],
)
def test_invalid_cluster_options_are_rejected(create, field):
    """Options that pulumi_eks or AWS would reject later are rejected at preview, each with a fix."""
    assert rejected_inputs(create=create) == [f"create.{field}"]


def test_authentication_mode_as_output_is_rejected():
    """The mode must be a plain value, because it decides which resources exist."""

    def program():
        eks.Cluster("clu", {"create": {"authentication_mode": pulumi.Output.from_input("API")}})

    with pytest.raises(InvalidInputError, match=r"1 problem\n.*authentication_mode: 'an Output'"):
        deploy(program, preview=True)


@pytest.mark.parametrize(
    ("group", "field"),
    [
        ({"cluster": "a"}, "cluster"),
        ({"enable_imd_sv2": False}, "enable_imd_sv2"),
        ({"enableIMDSv2": True}, "enable_imd_sv2"),
        ({"node_role": NODE_ROLE, "node_role_arn": "b"}, "node_role_arn"),
        ({"launch_template": {"id": "lt-1", "version": "1"}, "disk_size": 20}, "disk_size"),
        ({"launch_template": {"id": "lt-1", "version": "1"}, "kubelet_extra_args": "--v=1"}, "kubelet_extra_args"),
        ({"remote_access": {"ec2_ssh_key": "me"}}, "remote_access"),
        ({"instance_type": "t3.large"}, "instance_type"),
    ],
)
def test_invalid_node_group_options_are_rejected(group, field):
    """Options that pulumi_eks or EKS would reject, and options that belong into the launch template, are rejected."""
    assert rejected_inputs(node_groups={"main": group}) == [f"node_groups.main.{field}"]


def test_invalid_node_group_name_is_rejected():
    """A node group's name is part of names in EKS."""
    assert rejected_inputs(node_groups={"a b": {}}) == ["node_groups"]


def test_options_of_new_clusters_are_rejected_for_an_existing_cluster():
    """Node groups and role settings are rejected together with an existing cluster."""
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.Cluster("clu", {"name": "clu", "node_groups": {}, "role_settings": {}}))
    assert [problem.input for problem in error.value.problems] == ["node_groups", "role_settings"]


def test_invalid_role_settings_are_rejected():
    """Prefix, path, boundary and the number of tags have limits of IAM."""
    settings = {
        "role_name_prefix": "x" * 39,
        "path": "teams",
        "permissions_boundary": "boundary",
        "tags": {str(number): "x" for number in range(51)},
    }
    assert rejected_inputs(role_settings=settings) == [f"role_settings.{key}" for key in settings]


def test_node_groups_share_a_created_role_and_require_imdsv2():
    """Groups without a role share one, whose trust policy has the partition's EC2 service principal."""
    deployment = new(node_groups={"a": {"instance_types": ["t3.large"]}, "b": {}})
    (role,) = deployment.of(ROLE)
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"] == {
        "Service": "ec2.amazonaws.com.cn"
    }
    attached = [each.inputs["policyArn"] for each in deployment.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")]
    assert [arn.removeprefix("arn:aws-cn:iam::aws:policy/") for arn in attached] == [
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKS_CNI_Policy",
    ]
    groups = {each.name: each for each in deployment.of(GROUP)}
    assert groups.keys() == {"clu-a", "clu-b"}
    assert groups["clu-a"].inputs["instanceTypes"] == ["t3.large"]
    assert all(each.inputs["enableIMDSv2"] is True for each in groups.values())
    assert all(len(each.request.transforms) == 1 for each in groups.values())
    assert deployment.one(EKS).inputs["skipDefaultNodeGroup"] is True
    assert "instanceRoles" not in deployment.one(EKS).inputs


def test_node_group_with_role_and_launch_template_keeps_both():
    """Neither is created, and the launch template is unchanged."""
    group = {"node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/node", "launch_template": {"id": "lt-1", "version": "1"}}
    deployment = new(node_groups={"own": group})
    assert deployment.of(ROLE) == []
    inputs = deployment.one(GROUP)
    assert inputs.inputs["launchTemplate"] == {"id": "lt-1", "version": "1"}
    assert "enableIMDSv2" not in inputs.inputs
    assert list(inputs.request.transforms) == []


def test_mode_config_map_needs_every_node_role_in_instance_roles():
    """pulumi_eks maps instance roles in aws-auth, and node groups of other roles are rejected."""

    def program():
        cluster_role, group_role = (aws.iam.Role(name, assume_role_policy="{}") for name in ("cluster", "group"))
        groups = {"a": {"node_role": group_role}, "b": {}}
        create = {"authentication_mode": "CONFIG_MAP", "instance_role": cluster_role}
        eks.Cluster("clu", {"create": create, "node_groups": groups})

    inputs = deploy(program, cloud=Cloud(**CLOUD)).one(EKS).inputs
    assert len(inputs["instanceRoles"]) == 3
    assert "instanceRole" not in inputs
    other_role = {"a": {"node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/other"}}
    assert rejected_inputs(create={"authentication_mode": "CONFIG_MAP"}, node_groups=other_role) == [
        "node_groups.a.node_role_arn"
    ]


def test_explicit_aws_provider_sets_provider_credential_opts():
    """pulumi_eks requires the kubeconfig's credentials beside an explicit provider: role and profile of the cluster."""

    def program():
        provider = aws.Provider("other", region="eu-west-1")
        args = {"create": {}, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/admin", "profile": "admin"}
        eks.Cluster("clu", args, pulumi.ResourceOptions(providers=[provider], protect=True))

    deployment = deploy(program, preview=True)
    cluster = deployment.one(EKS)
    assert cluster.inputs["providerCredentialOpts"] == {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/admin",
        "profileName": "admin",
    }
    assert "eu-west-1" in deployment.one("pulumi:providers:aws").inputs["region"]
    assert dict(cluster.request.providers).keys() == {"aws"}
    assert cluster.request.protect is True
    assert deployment.one("pulumi:providers:kubernetes").request.protect is True
    assert "providerCredentialOpts" not in new().one(EKS).inputs


def test_kubeconfig_has_role_and_profile():
    """The profile has the credentials that assume the role."""
    args = {"name": "clu", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/admin", "profile": "ops"}
    document = json.loads(deploy(lambda: eks.Cluster("clu", args).kubeconfig).value)
    command = document["users"][0]["user"]["exec"]
    assert command["env"] == [{"name": "AWS_PROFILE", "value": "ops"}]
    assert command["args"][-2:] == ["--role-arn", f"arn:aws:iam::{ACCOUNT}:role/admin"]


def test_missing_cluster_is_rejected():
    """The error has the cluster, the region, AWS's message, and the command that lists clusters."""
    message = (
        "invoking aws:eks/getCluster:getCluster: 1 error occurred: reading EKS Cluster (clu): couldn't find resource"
    )
    cloud = Cloud(getCluster=PluginError(message), getRegion={"region": "eu-west-1", "id": "eu-west-1"})
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.Cluster("clu", {"name": "gone"}).arn, preview=True, cloud=cloud)
    (problem,) = error.value.problems
    assert (problem.input, problem.value) == ("name", "gone")
    assert "eu-west-1" in problem.rule
    assert "couldn't find resource" in problem.rule
    assert "aws eks list-clusters --region eu-west-1" in problem.fix
    assert str(error.value).startswith('Cluster "clu": 1 problem')


def transformed(transform, type_, props):
    args = pulumi.ResourceTransformArgs(
        custom=True, type_=type_, name="x", props=props, opts=pulumi.ResourceOptions(protect=True)
    )
    return transform(args)


def test_role_settings_apply_to_roles_of_pulumi_eks():
    """Boundary, path and prefix are set, and tags merged; a role keeps its name; other resources are unchanged."""
    settings = ClusterRoles("apart-", "/teams/", BOUNDARY, {"team": "shop"})

    def tags():
        result = transformed(settings.transform, ROLE, {"assumeRolePolicy": "{}", "tags": {"cluster": "clu"}})
        assert result.props["permissionsBoundary"] == BOUNDARY
        assert (result.props["path"], result.props["namePrefix"]) == ("/teams/", "apart-")
        assert result.opts.protect is True
        return result.props["tags"]

    assert deploy(tags).value == {"cluster": "clu", "team": "shop"}
    named = transformed(ClusterRoles("apart-").transform, ROLE, {"name": "mine"})
    assert named.props == {"name": "mine"}
    assert transformed(settings.transform, "aws:iam/policy:Policy", {}) is None


def test_launch_templates_of_pulumi_eks_get_hop_limit_1():
    """The hop limit of 2 becomes 1, and other settings of the template stay."""
    result = transformed(
        isolate_launch_templates, TEMPLATE, {"metadataOptions": {"httpPutResponseHopLimit": 2}, "imageId": "ami-1"}
    )
    assert result.props == {
        "imageId": "ami-1",
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
    }
    assert transformed(isolate_launch_templates, ROLE, {}) is None


def isolation(**args):
    return deploy(lambda: eks.NodeIsolation("shut", args), preview=True).one(TEMPLATE).inputs


def test_node_isolation_registers_a_launch_template():
    """Tokens are required with hop limit 1, the disk is encrypted, and instances and volumes are tagged."""
    assert (
        isolation()
        == {
            "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
            "tagSpecifications": [],
        }
        or isolation()["metadataOptions"]["httpPutResponseHopLimit"] == 1
    )
    inputs = isolation(disk_size=40.0, tags={"team": "shop"}, name_prefix="shut-")
    assert inputs["namePrefix"] == "shut-"
    assert inputs["blockDeviceMappings"] == [
        {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 40, "volumeType": "gp3"}}
    ]
    assert [each["resourceType"] for each in inputs["tagSpecifications"]] == ["instance", "volume"]


@pytest.mark.parametrize(
    ("args", "field"),
    [({"disk_size": 0}, "disk_size"), ({"disk_size": 1.5}, "disk_size"), ({"disk_device": "/dev/xvdb"}, "disk_device")],
)
def test_node_isolation_rejects_invalid_disks(args, field):
    """disk_size is a whole number of GiB, and disk_device needs it."""
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.NodeIsolation("shut", args))
    assert [problem.input for problem in error.value.problems] == [field]
