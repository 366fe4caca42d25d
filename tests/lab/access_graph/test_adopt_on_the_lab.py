"""A cluster is adopted without a change: made by plain commands, by eksctl, or by our own stacks.

`make test` adopts one of the three, which its seed chooses; `make conformance` adopts all.
"""

import io
import json

import pytest
import yaml
from rich.console import Console

from lab.clusters import ensure_clusters
from lab.interfaces import AuthenticationMode
from lab.principals import client
from lab.progress import Timeline
from support.adopted_clusters import AdoptedCluster, adopt_without_a_change
from support.deployed_environment import add_environment, project
from support.lab_chains.score import sample
from support.lab_project import REPOSITORY

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
PODS_TRUST = {"Service": "pods.eks.amazonaws.com"}
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ORIGINS = ("commands", "eksctl", "stacks")
ALLOW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}


@pytest.fixture(scope="module")
def start(running_lab, tools, tmp_path_factory, pytestconfig):
    """Return a function that creates a cluster, and skips the tests of an origin that is not chosen."""
    chosen = sample(ORIGINS, everything=pytestconfig.getoption("--conformance"), count=1)

    def start_cluster(origin, mode=AuthenticationMode.API_AND_CONFIG_MAP):
        if origin not in chosen:
            pytest.skip("`make test` adopts a cluster of one origin, `make conformance` of all")
        name = f"adopt-{origin}"
        ensure_clusters(running_lab, {name: mode}, Timeline(Console(file=io.StringIO())))
        return AdoptedCluster(running_lab, tools, name, tmp_path_factory.mktemp(name))

    return start_cluster


def trust(principal, *actions, **conditions):
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": statement | ({"Condition": conditions} if conditions else {})}
    )


def create_provider(cluster):
    """Create the provider of a cluster, and return its ARN and host."""
    created = cluster.iam.create_open_id_connect_provider(
        Url=cluster.issuer, ClientIDList=["sts.amazonaws.com"], Tags=[{"Key": "team", "Value": "a"}]
    )
    return created["OpenIDConnectProviderArn"], cluster.issuer.removeprefix("https://")


def create_role(cluster, name, document, **options):
    cluster.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **options)
    cluster.iam.attach_role_policy(RoleName=name, PolicyArn=S3)


def edit_aws_auth(cluster, users):
    data = {"data": {"mapUsers": yaml.safe_dump(users)}}
    cluster.kubectl("-n", "kube-system", "patch", "configmap", "aws-auth", "--type", "merge", "-p", json.dumps(data))


def user(name, *groups):
    return {"userarn": f"{IAM}:user/{name}", "username": name, "groups": list(groups)}


@pytest.fixture(scope="module")
def by_commands(start):
    """Stories 1 and 2 by boto3 and kubectl, with what no component can declare."""
    cluster = start("commands")
    cluster.kubectl("create", "clusterrole", "test-clu-role", "--verb=get,watch,list", "--resource=pods,nodes")
    cluster.kubectl("create", "clusterrolebinding", "test-clu-rolebinding", "--clusterrole=test-clu-role",
                    "--group=operators")  # fmt: skip
    cluster.kubectl("create", "rolebinding", "editors", "--clusterrole=edit", "--group=operators", "-n", "default")
    cluster.kubectl("create", "rolebinding", "app", "--clusterrole=view", "--serviceaccount=default:a", "-n", "default")
    edit_aws_auth(cluster, [user("eks-ope", "operators"), user("dup", "a"), user("dup", "b")])
    on = {"clusterName": cluster.name, "principalArn": f"{IAM}:user/adopt-ann"}
    cluster.iam.create_user(UserName="adopt-ann")
    cluster.eks.create_access_entry(**on, kubernetesGroups=["operators", "viewers"], tags={"x": "y"})
    view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default", "team-*"]}
    cluster.eks.associate_access_policy(**on, policyArn=view, accessScope=scope)
    provider, host = create_provider(cluster)
    claims = {f"{host}:sub": "system:serviceaccount:default:test-sa", f"{host}:aud": "sts.amazonaws.com"}
    web = ({"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
    description = 'It\'s "one" {x} \\ two'
    tags = [{"Key": "a", "Value": "b"}]
    document = trust(*web, StringEquals=claims)
    create_role(cluster, "adopt-sa", document, Description=description, MaxSessionDuration=7200, Tags=tags)
    cluster.iam.put_role_policy(RoleName="adopt-sa", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    create_role(cluster, "adopt-wide", trust(*web, StringLike={f"{host}:sub": "system:serviceaccount:*"}))
    create_role(cluster, "adopt-pi", trust(PODS_TRUST, "sts:AssumeRole", "sts:TagSession"), Path="/apps/")
    for name, role in (("test-sa", "adopt-sa"), ("wide", "adopt-wide")):
        cluster.kubectl("create", "serviceaccount", name)
        cluster.kubectl("annotate", "serviceaccount", name, f"eks.amazonaws.com/role-arn={IAM}:role/{role}")
    pods = {"clusterName": cluster.name, "namespace": "default", "serviceAccount": "pi"}
    cluster.eks.create_pod_identity_association(**pods, roleArn=f"{IAM}:role/apps/adopt-pi", tags={"a": "b"})
    yield cluster
    delete_iam(cluster, provider, "adopt-sa", "adopt-wide", "adopt-pi")
    cluster.iam.delete_user(UserName="adopt-ann")


@pytest.fixture(scope="module")
def by_eksctl(start, running_lab):
    """What eksctl creates, by the script of example 08, in a cluster that reads only aws-auth."""
    cluster = start("eksctl", AuthenticationMode.CONFIG_MAP)
    cluster.run_script(REPOSITORY / "examples/08-existing-eksctl-cluster/create-eksctl-resources.sh")
    yield cluster
    provider = f"{IAM}:oidc-provider/{cluster.issuer.removeprefix('https://')}"
    cluster.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    stack = f"eksctl-{cluster.name}-addon-iamserviceaccount-default-reports"
    client(running_lab, "cloudformation").delete_stack(StackName=stack)


@pytest.fixture(scope="module")
def by_stacks(start, tools):
    """An environment of stacks/, whose own stack is then forgotten."""
    cluster = start("stacks")
    folder = project(cluster.folder / "environment", tools)
    rules = [{"resources": ["nodes"], "verbs": ["get", "list"]}]
    access = {
        "cluster": cluster.name,
        "group": "lookers",
        "rbac_roles": [{"name": "look", "rules": rules}, {"name": "view"}],
        "principals": [{"user": "adopt-looker"}],
        "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["default"]}],
    }
    pods = {"cluster": cluster.name, "namespace": "default"}
    settings = {
        "clusters": {cluster.name: {}},
        "access": {"lookers": access},
        "workloads": {
            "irsa": {**pods, "service_account": "irsa", "policies": ["AmazonS3ReadOnlyAccess"]},
            "pods": {**pods, "service_account": "pods", "mode": "pod-identity", "tags": {"team": "a"}},
        },
    }
    cluster.iam.create_user(UserName="adopt-looker")
    add_environment(folder, "dev", settings)
    own = cluster.project(folder)
    own.update()
    yield cluster
    own.stack.destroy()
    cluster.iam.delete_user(UserName="adopt-looker")


def delete_iam(cluster, provider, *roles):
    cluster.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    for name in roles:
        for policy in cluster.iam.list_role_policies(RoleName=name)["PolicyNames"]:
            cluster.iam.delete_role_policy(RoleName=name, PolicyName=policy)
        cluster.iam.detach_role_policy(RoleName=name, PolicyArn=S3)
        cluster.iam.delete_role(RoleName=name)


def test_cluster_of_plain_commands_is_adopted_without_a_change(by_commands):
    """Each object is declared or listed, the first update changes nothing, the next preview and the diff are empty."""
    adoption = by_commands.adopt()
    declared, listed = adopt_without_a_change(by_commands, adoption, by_commands.project())
    assert declared >= {
        f"IAM role {IAM}:role/adopt-sa",
        f"IAM role {IAM}:role/apps/adopt-pi",
        f"access entry {IAM}:user/adopt-ann",
        "ClusterRole test-clu-role",
        "ClusterRoleBinding test-clu-rolebinding",
        f"mapUsers[0] of ConfigMap kube-system/aws-auth: {IAM}:user/eks-ope",
        "Pod Identity association of default/pi",
        "RoleBinding default/editors",
        "service account default/test-sa",
        "service account default/wide",
    }
    assert "no condition on" in listed[f"IAM role {IAM}:role/adopt-wide"]
    assert "ServiceAccount default/a" in listed["RoleBinding default/app"]
    assert "twice" in listed[f"mapUsers[1] of ConfigMap kube-system/aws-auth: {IAM}:user/dup"]
    assert "none" in by_commands.eks_access("adopt", by_commands.folder / "adopted", "--stack", "dev", "--check")


def test_check_reports_what_changed_since_the_adoption(by_commands):
    """`--check` names what another writer adds and changes afterwards, and writes no file."""
    adopted_folder = by_commands.folder / "adopted"
    before = (adopted_folder / "import.json").read_bytes()
    edit_aws_auth(by_commands, [user("eks-ope", "operators", "others"), user("new", "operators")])
    found = by_commands.eks_access("adopt", adopted_folder, "--stack", "dev", "--check", "--json", code=1)
    changes = {each["object"]: each["what"] for each in json.loads(found)["adoption_check"]["changes"]}
    assert changes["AwsAuthMapping operators-123456789012-user-new"] == "the program does not declare it"
    assert changes["AwsAuthMapping operators-123456789012-user-eks-ope"] == "the cluster differs in groups"
    assert (adopted_folder / "import.json").read_bytes() == before


def test_cluster_of_eksctl_is_adopted_without_a_change(by_eksctl):
    """The provider, the role of the stack, the mapping and the service account of eksctl are declared."""
    declared, _ = adopt_without_a_change(by_eksctl, by_eksctl.adopt(), by_eksctl.project())
    assert "service account default/reports" in declared
    assert f"mapUsers[0] of ConfigMap kube-system/aws-auth: {IAM}:user/eks-ope" in declared
    assert any(name.startswith(f"IAM role {IAM}:role/eksctl-") for name in declared)
    assert any(name.startswith("IAM OIDC provider ") for name in declared)


def test_cluster_of_our_stacks_is_adopted_as_settings_without_a_change(by_stacks, tools):
    """Settings declare again what an environment created, whose state is lost."""
    adoption = by_stacks.adopt("--as", "settings")
    folder = project(by_stacks.folder / "again", tools)
    for name in ("Pulumi.dev.yaml", "stacks/dev.py"):
        (folder / name).write_text((by_stacks.folder / "adopted" / name).read_text())
    declared, _ = adopt_without_a_change(by_stacks, adoption, by_stacks.project(folder))
    assert {"service account default/irsa", "Pod Identity association of default/pods"} <= declared
    assert len([name for name in declared if name.startswith("IAM role ")]) == 2
    options = ("--as", "settings", "--stack", "dev", "--check")
    assert "none" in by_stacks.eks_access("adopt", by_stacks.folder / "adopted", *options)
