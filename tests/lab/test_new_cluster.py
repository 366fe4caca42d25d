"""A cluster that the stack itself makes, through pulumi_eks: both ways in, one way out, and nothing left behind."""

import json
from functools import partial

import pytest
import yaml
from lab_project import LabProject, write_project

from lab.principals import client

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import eks_identity as eks

trust = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
node = aws.iam.Role("node", name="new-node", assume_role_policy=json.dumps(trust))
cluster = eks.Cluster("new", {"name": "new", "create": {
    "authentication_mode": "API_AND_CONFIG_MAP", "skip_default_node_group": True, "instance_roles": [node]}})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
rules = [{"resources": ["nodes"], "verbs": ["list"]}]
for way in ("aws-auth", "access-entry"):
    user = aws.iam.User(way, name=f"by-{way}", force_destroy=True)
    eks.ClusterAccess(way, {
        "cluster": cluster.connection, "group": f"group-{way}", "access_method": way,
        "rbac_roles": [{"name": f"role-{way}", "rules": rules}],
        "principals": [{"arn": user.arn}],
    }, on_cluster)
provider = eks.OidcProvider("new", {"issuer": cluster.issuer})
workload = eks.WorkloadIdentity("reader", {
    "cluster": cluster.connection, "namespace": "default", "service_account": "reader", "mode": "irsa",
    "oidc_provider_arn": provider.arn, "policies": ["AmazonS3ReadOnlyAccess"],
}, on_cluster)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("role", workload.role_arn)
"""


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory):
    """A project of this test; what it made is destroyed."""
    project = LabProject(running_lab, tools, write_project(tmp_path_factory.mktemp("project"), "new-cluster", PROGRAM))
    yield project
    project.stack.destroy()
    assert "new" not in client(running_lab, "eks").list_clusters()["clusters"]
    assert "new-node" not in {role["RoleName"] for role in client(running_lab, "iam").list_roles()["Roles"]}


@pytest.fixture(scope="module")
def made(stack):
    """The stack's outputs after `up`, and what a second `up` changed."""
    stack.update()
    return stack.outputs, stack.update()


@pytest.fixture(scope="module")
def kubectl(stack, made):
    """kubectl on the new cluster, with the kubeconfig that the stack gives out."""
    return partial(stack.kubectl_with, made[0]["kubeconfig"])


def test_a_second_update_finds_nothing_to_do(made):
    """What was made is what is declared: aws-auth's data, which others write too, is no difference."""
    assert made[1] == []


@pytest.mark.parametrize("way", ["aws-auth", "access-entry"])
def test_people_come_in(kubectl, way):
    """A user comes in by either way, and may do what the role says and nothing else."""
    assert kubectl("get", "nodes", principal=f"by-{way}").returncode == 0
    assert "Forbidden" in kubectl("get", "secrets", principal=f"by-{way}").stderr


def test_node_roles_stay(kubectl):
    """The mapping of a person joins what pulumi_eks wrote for the nodes."""
    shown = kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json")
    data = json.loads(shown.stdout)["data"]
    assert [entry["rolearn"] for entry in yaml.safe_load(data["mapRoles"])] == [
        "arn:aws:iam::123456789012:role/new-node"
    ]
    assert [entry["userarn"] for entry in yaml.safe_load(data["mapUsers"])] == [
        "arn:aws:iam::123456789012:user/by-aws-auth"
    ]


def test_pods_get_out(kubectl, made, stack):
    """A token of the workload's service account assumes its role, which trusts the new cluster's issuer."""
    token = kubectl("create", "token", "reader", "--audience", "sts.amazonaws.com").stdout.strip()
    session = ("--role-arn", made[0]["role"], "--role-session-name", "test", "--web-identity-token", token)
    assert stack.aws("sts", "assume-role-with-web-identity", *session)["Credentials"]
