"""New clusters: which options pass, which are refused with what instead, and what is registered beside pulumi_eks's."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_eks
import pytest
from pulumi_program import ACCOUNT, Cloud, PluginError, deploy

import eks_identity as eks
from eks_identity.clusters import cluster_options
from eks_identity.clusters.cluster_roles import ClusterRoles
from eks_identity.clusters.node_isolation import isolate_launch_templates
from eks_identity.runtime.inputs import InvalidInputError

EKS = "eks:index:Cluster"
GROUP = "eks:index:ManagedNodeGroup"
ROLE = "aws:iam/role:Role"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
CLOUD = {"getPartition": {"partition": "aws-cn", "dnsSuffix": "amazonaws.com.cn", "id": "aws-cn"}}


def new(opts=None, **args):
    """A preview of a new cluster with these args."""
    args = {"create": {}, **args}
    return deploy(lambda: eks.Cluster("clu", args, opts), preview=True, cloud=Cloud(**CLOUD))


def refused(**args):
    with pytest.raises(InvalidInputError) as refusal:
        new(**args)
    assert all(problem.fix and problem.rule for problem in refusal.value.problems)
    return [problem.input for problem in refusal.value.problems]


def test_options_have_the_names_of_either_language():
    """Programs of other languages write the options as pulumi_eks spells them there."""
    inputs = new(create={"vpcId": "vpc-1", "privateSubnetIds": ["subnet-1"], "version": "1.37"}).one(EKS).inputs
    assert (inputs["vpcId"], inputs["privateSubnetIds"], inputs["version"]) == ("vpc-1", ["subnet-1"], "1.37")


@pytest.mark.parametrize(
    ("create", "field"),
    [
        ({"name": "clu"}, "name"),
        ({"role_mappings": []}, "role_mappings"),
        ({"creation_role_provider": {}}, "creation_role_provider"),
        ({"bootstrap_cluster_creator_admin_permissions": False}, "bootstrap_cluster_creator_admin_permissions"),
        ({"vpc_id": "vpc-1"}, "vpc_id"),
        ({"subnet_ids": ["a"], "private_subnet_ids": ["a"]}, "subnet_ids"),
        ({"instance_role": "a", "instance_roles": ["b"], "authentication_mode": "CONFIG_MAP"}, "instance_role"),
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
        ({"instance_roles": ["a"]}, "instance_roles"),
        ({"access_entries": {"a": {}}, "authentication_mode": "CONFIG_MAP"}, "access_entries"),
        ({"auto_mode": {"enabled": True}, "authentication_mode": "CONFIG_MAP"}, "auto_mode"),
        ({"enpoint_public_access": True}, "enpoint_public_access"),
    ],
)
def test_options_that_cannot_work_are_refused(create, field):
    """What pulumi_eks or AWS would refuse later, each with a fix, in the preview."""
    assert refused(create=create) == [f"create.{field}"]


def test_a_mode_that_is_not_known_yet_is_refused():
    """The mode decides which resources there are."""

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
        ({"node_role": "a", "node_role_arn": "b"}, "node_role_arn"),
        ({"launch_template": {"id": "lt-1"}, "disk_size": 20}, "disk_size"),
        ({"launch_template": {"id": "lt-1"}, "kubelet_extra_args": "--v=1"}, "kubelet_extra_args"),
        ({"remote_access": {"ec2_ssh_key": "me"}}, "remote_access"),
        ({"instance_type": "t3.large"}, "instance_type"),
    ],
)
def test_node_group_options_that_cannot_work_are_refused(group, field):
    """The same for node groups: a launch template isolates them, and says what cannot be said beside it."""
    assert refused(node_groups={"main": group}) == [f"node_groups.main.{field}"]


def test_a_node_groups_name_is_one_that_eks_takes():
    """Its name becomes part of names in EKS."""
    assert refused(node_groups={"a b": {}}) == ["node_groups"]


def test_what_belongs_to_new_clusters_is_refused_for_one_that_is_there():
    """A cluster that is there has its nodes and roles."""
    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: eks.Cluster("clu", {"name": "clu", "node_groups": {}, "role_settings": {}}))
    assert [problem.input for problem in refusal.value.problems] == ["node_groups", "role_settings"]


def test_wrong_role_settings_are_refused():
    """Prefix, path, boundary and the number of tags are IAM's to limit."""
    settings = {
        "role_name_prefix": "x" * 39,
        "path": "teams",
        "permissions_boundary": "boundary",
        "tags": {str(number): "x" for number in range(51)},
    }
    assert refused(role_settings=settings) == [f"role_settings.{key}" for key in settings]


def test_a_node_group_gets_a_role_and_a_shut_template():
    """One role for all groups that bring none, trusted in the partition's words; templates come through pulumi_eks."""
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


def test_a_node_group_may_bring_its_own_role_and_template():
    """Then neither is made, and its template is left as it is."""
    group = {"node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/node", "launch_template": {"id": "lt-1", "version": "1"}}
    deployment = new(node_groups={"own": group})
    assert deployment.of(ROLE) == []
    inputs = deployment.one(GROUP)
    assert inputs.inputs["launchTemplate"] == {"id": "lt-1", "version": "1"}
    assert "enableIMDSv2" not in inputs.inputs
    assert list(inputs.request.transforms) == []


def test_in_mode_config_map_the_cluster_knows_every_node_role():
    """pulumi_eks writes instance roles into aws-auth, and refuses node groups of other roles."""

    def program():
        mine, theirs = (aws.iam.Role(name, assume_role_policy="{}") for name in ("mine", "theirs"))
        groups = {"a": {"node_role": theirs}, "b": {}}
        create = {"authentication_mode": "CONFIG_MAP", "instance_role": mine}
        eks.Cluster("clu", {"create": create, "node_groups": groups})

    inputs = deploy(program, cloud=Cloud(**CLOUD)).one(EKS).inputs
    assert len(inputs["instanceRoles"]) == 3
    assert "instanceRole" not in inputs
    stranger = {"a": {"node_role_arn": f"arn:aws:iam::{ACCOUNT}:role/stranger"}}
    assert refused(create={"authentication_mode": "CONFIG_MAP"}, node_groups=stranger) == [
        "node_groups.a.node_role_arn"
    ]


def test_an_explicit_aws_provider_tells_pulumi_eks_whose_kubeconfig_it_is():
    """pulumi_eks wants the credentials of its kubeconfig said beside an explicit provider: they are those of ours."""

    def program():
        provider = aws.Provider("other", region="eu-west-1")
        args = {"create": {}, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/admin", "profile": "admin"}
        eks.Cluster("clu", args, pulumi.ResourceOptions(providers=[provider], protect=True))

    deployment = deploy(program, preview=True)
    made = deployment.one(EKS)
    assert made.inputs["providerCredentialOpts"] == {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/admin",
        "profileName": "admin",
    }
    assert "eu-west-1" in deployment.one("pulumi:providers:aws").inputs["region"]
    assert dict(made.request.providers).keys() == {"aws"}
    assert made.request.protect is True
    assert deployment.one("pulumi:providers:kubernetes").request.protect is True
    assert "providerCredentialOpts" not in new().one(EKS).inputs


def test_role_and_profile_are_both_in_the_kubeconfig():
    """A profile says who asks for the role."""
    args = {"name": "clu", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/admin", "profile": "ops"}
    document = json.loads(deploy(lambda: eks.Cluster("clu", args).kubeconfig).value)
    command = document["users"][0]["user"]["exec"]
    assert command["env"] == [{"name": "AWS_PROFILE", "value": "ops"}]
    assert command["args"][-2:] == ["--role-arn", f"arn:aws:iam::{ACCOUNT}:role/admin"]


def test_a_cluster_that_is_not_there_is_refused():
    """The refusal names the cluster, the region, what AWS said, and where to look."""
    words = (
        "invoking aws:eks/getCluster:getCluster: 1 error occurred: reading EKS Cluster (clu): couldn't find resource"
    )
    cloud = Cloud(getCluster=PluginError(words), getRegion={"region": "eu-west-1", "id": "eu-west-1"})
    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: eks.Cluster("clu", {"name": "gone"}).arn, preview=True, cloud=cloud)
    (problem,) = refusal.value.problems
    assert (problem.input, problem.value) == ("name", "gone")
    assert "eu-west-1" in problem.rule
    assert "couldn't find resource" in problem.rule
    assert "aws eks list-clusters --region eu-west-1" in problem.fix
    assert str(refusal.value).startswith('Cluster "clu": 1 problem')


def transformed(transform, type_, props):
    args = pulumi.ResourceTransformArgs(
        custom=True, type_=type_, name="x", props=props, opts=pulumi.ResourceOptions(protect=True)
    )
    return transform(args)


def test_roles_that_pulumi_eks_makes_get_the_settings():
    """Boundary, path and prefix are added, tags joined; a role with a name keeps it; nothing else is touched."""
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


def test_templates_that_pulumi_eks_makes_are_shut():
    """Its hop limit of 2 becomes 1; what else the template says stays."""
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


def test_node_isolation_is_a_launch_template():
    """Tokens are required, answers travel one hop; a disk is encrypted, tags reach instances and volumes."""
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
def test_node_isolation_refuses(args, field):
    """A disk has a whole number of GiB, and a device only beside it."""
    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: eks.NodeIsolation("shut", args))
    assert [problem.input for problem in refusal.value.problems] == [field]


def test_every_option_of_ours_is_one_of_pulumi_eks():
    """The options that are refused, or may not stand together, still exist in the installed pulumi_eks."""
    known = set(cluster_options._names(pulumi_eks.ClusterArgs))
    ours = {name for pair in cluster_options._NOT_TOGETHER for name in (pair[0], *pair[1])}
    ours |= cluster_options.CLUSTER_NOT_OURS.keys() - {"bootstrap_cluster_creator_admin_permissions"}
    assert ours <= known
    groups = set(cluster_options._names(pulumi_eks.ManagedNodeGroupArgs))
    assert {*cluster_options._IN_OWN_TEMPLATE, *cluster_options.NODE_GROUP_NOT_OURS} <= groups
