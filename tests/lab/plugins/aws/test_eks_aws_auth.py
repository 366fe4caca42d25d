"""pulumi_eks.Cluster and ManagedNodeGroup on a real control plane: aws-auth mappings and joined nodes."""

import json
import shutil
import subprocess

import pulumi
import pulumi_aws as sdk
import pulumi_eks as eks
import pytest
import yaml
from cluster_programs import trust

from lab.cluster import Runtime
from lab.interfaces import Programs
from lab.pki import CertificateAuthority


@pytest.fixture(scope="module")
def planes():
    """None: `control_planes` attaches the control planes after the start of the cloud."""
    return


@pytest.fixture(scope="module")
def control_planes(cloud, tmp_path_factory):
    names = {field: field.replace("_", "-") for field in Programs.__dataclass_fields__}
    programs = Programs(**{field: shutil.which(name) for field, name in names.items()})
    folder = tmp_path_factory.mktemp("clusters")
    authority = CertificateAuthority(cloud.folder / "pki")
    runtime = Runtime(folder, authority, programs, cloud.access, cloud.instance_roles)
    cloud.attach(runtime)
    yield runtime
    runtime.stop_all()


def program(version):
    node = sdk.iam.Role("node", name="node", assume_role_policy=trust("ec2.amazonaws.com"))
    user = sdk.iam.User("ope", name="eks-ope")
    cluster = eks.Cluster(
        "clu",
        name="clu",
        authentication_mode=eks.AuthenticationMode.API_AND_CONFIG_MAP,
        skip_default_node_group=True,
        instance_roles=[node],
        user_mappings=[eks.UserMappingArgs(user_arn=user.arn, username="eks-ope", groups=["operators"])],
        role_mappings=[
            eks.RoleMappingArgs(role_arn="arn:aws:iam::123456789012:role/ci", username="ci", groups=["ci"]),
        ],
    )
    eks.ManagedNodeGroup(
        "nodes",
        cluster=cluster,
        node_role=node,
        enable_imd_sv2=True,
        scaling_config=sdk.eks.NodeGroupScalingConfigArgs(desired_size=1, min_size=1, max_size=1),
    )
    pulumi.export("kubeconfig", cluster.kubeconfig_json)
    pulumi.export("roles", cluster.instance_roles.apply(lambda roles: [role.arn for role in roles]))


@pytest.fixture(scope="module")
def lifecycle(control_planes, new_history):
    history = new_history(program)
    history.up(1)
    return history, {"outputs": history.outputs, "second_update": history.up(1)}


def test_aws_auth_has_the_mappings_and_the_node_role(lifecycle, environment, tmp_path):
    """kubectl reads the mappings of the program and of the node role, with a token of `aws eks get-token`."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(lifecycle[1]["outputs"]["kubeconfig"])
    command = ["kubectl", "get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json", "--kubeconfig", kubeconfig]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    data = json.loads(result.stdout)["data"]
    roles = {entry["rolearn"]: entry for entry in yaml.safe_load(data["mapRoles"])}
    [user] = yaml.safe_load(data["mapUsers"])
    assert roles["arn:aws:iam::123456789012:role/ci"]["groups"] == ["ci"]
    assert roles[lifecycle[1]["outputs"]["roles"][0]]["groups"] == ["system:bootstrappers", "system:nodes"]
    assert (user["userarn"].rpartition("/")[2], user["username"], user["groups"]) == (
        "eks-ope",
        "eks-ope",
        ["operators"],
    )


def test_managed_node_group_has_a_ready_node(lifecycle, environment, tmp_path):
    """The node of the managed node group is Ready."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(lifecycle[1]["outputs"]["kubeconfig"])
    command = ["kubectl", "get", "nodes", "-o", "json", "--kubeconfig", kubeconfig]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    [node] = json.loads(result.stdout)["items"]
    assert {"type": "Ready", "status": "True"}.items() <= {each["type"]: each for each in node["status"]["conditions"]}[
        "Ready"
    ].items()


def test_second_update_of_a_cluster_with_aws_auth_changes_nothing(lifecycle):
    """A second update of the same program has no changes."""
    assert {step.operation for step in lifecycle[1]["second_update"].values()} == {"same"}
