"""Contract of every component: region, account and cluster of its resources are the cluster's, or it is rejected."""

import base64
import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity import testing
from eks_identity.runtime.inputs import InvalidInputError
from support.component_contract import SSO, children, declare, each_sample, sample
from support.component_program import ACCOUNT, REGION, Cloud, PluginError, deploy, kubeconfig
from support.sample_args import CONNECTION

OTHER_ACCOUNT = "444455556666"
CALLER = {"accountId": OTHER_ACCOUNT, "arn": f"arn:aws:iam::{OTHER_ACCOUNT}:user/ci"}
IN_ANY_ACCOUNT = {
    "LockoutGuard",
    "AccessEntry",
    "AuthenticationModeMigration",
    "AwsAuthMapping",
    "ServiceAccount",
}
"""Without a resource of the aws provider; the first three compare the account of their own calls."""
IN_ANY_ACCOUNT |= {"ChainedRole", "Cluster", "NodeIsolation", "OidcProvider"}
"""Not of one existing cluster."""


def is_of_any_account(name, args):
    if name == "ClusterAccess":
        return args.get("access_method") == "aws-auth"
    return name in IN_ANY_ACCOUNT or (name == "PodIdentityRole" and "cluster_arns" not in args)


class Elsewhere(Cloud):
    """The default aws provider is of another region, and tells what was registered."""

    def __init__(self, **invokes):
        super().__init__(region="us-east-1", getRoles={"id": "x", "arns": [SSO], "names": []}, **invokes)
        self.registered = []

    def new_resource(self, args):
        self.registered.append(args.name)
        return super().new_resource(args)

    def calls_of(self, function):
        return [call.args for call in self.calls if call.token.endswith(f":{function}")]


@each_sample
def test_regional_resources_have_the_clusters_region(name, index):
    """Regional resources have the cluster's region, whatever the aws provider's region; IAM resources have none."""
    args = sample(name, index)
    for child in children(declare(name, args, cloud=Elsewhere()), name):
        if child.type.startswith("aws:iam/") or "create" in args or name == "NodeIsolation":
            assert "region" not in child.inputs
        elif child.type.startswith("aws:"):
            assert child.inputs["region"] == REGION, child.type


@each_sample
@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_a_provider_of_another_account_is_rejected(name, index, preview):
    """The error has both accounts and a fix, and comes before any resource is registered."""
    args, cloud = sample(name, index), Elsewhere(getCallerIdentity=CALLER)
    if is_of_any_account(name, args):
        declare(name, args, preview=preview, cloud=cloud)
        return
    with pytest.raises(InvalidInputError) as rejected:
        declare(name, args, preview=preview, cloud=cloud)
    assert set(cloud.registered) <= {"k8s"}
    assert f'{name} "thing": 1 problem' in str(rejected.value)
    (problem,) = rejected.value.problems
    assert problem.input in {
        "opts.providers",
        "oidc_provider_arn",
        "oidc_provider_arns[0]",
        "oidc_provider_arns_by_role.tokyo[0]",
    }
    assert OTHER_ACCOUNT in str(problem)
    assert ACCOUNT in str(problem)
    assert f"pass an aws provider of account {ACCOUNT} in opts.providers" in problem.fix


def test_error_names_the_aws_provider():
    """The error has the name of the provider and its principal."""

    def program():
        options = pulumi.ResourceOptions(providers=[aws.Provider("there", region=REGION)])
        eks.PodIdentityRole("thing", {"cluster_arns": [CONNECTION["arn"]]}, options)

    with pytest.raises(InvalidInputError, match=f'aws provider "there": account {OTHER_ACCOUNT}, {CALLER["arn"]}'):
        deploy(program, preview=True, cloud=Elsewhere(getCallerIdentity=CALLER))


def test_one_role_for_clusters_of_two_accounts_is_rejected():
    """Each account needs its own role: EKS gives a role only to pods in the role's account."""
    two = [CONNECTION["arn"], CONNECTION["arn"].replace(ACCOUNT, OTHER_ACCOUNT)]
    with pytest.raises(InvalidInputError, match="declare one role for each account"):
        deploy(lambda: eks.PodIdentityRole("thing", {"cluster_arns": two}), preview=True)


def workloads(count, **connection):
    def program():
        provider = k8s.Provider("k8s", kubeconfig=kubeconfig("https://localhost:8443"))
        cluster = {**CONNECTION, **connection}
        for number in range(count):
            args = {"cluster": cluster, "mode": "pod-identity", "namespace": "shop", "service_account": f"n{number}"}
            eks.WorkloadIdentity(f"n{number}", args, pulumi.ResourceOptions(providers=[provider]))

    return program


def test_sts_is_queried_once_for_each_provider():
    """STS is queried once for each provider, whatever the number of components."""
    cloud = Elsewhere()
    deploy(workloads(20), cloud=cloud)
    assert len(cloud.calls_of("getCallerIdentity")) == 1


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("result", [PluginError("InvalidClientTokenId"), {}], ids=["an error", "nothing"])
def test_unknown_account_is_not_rejected(preview, result, caplog):
    """An error of AWS is logged once; a value that is unknown in a preview is compared in the update."""
    deployment = deploy(workloads(2), preview=preview, cloud=Elsewhere(getCallerIdentity=result))
    assert len(deployment.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")) == 2
    expected = "cannot get the account of the default aws provider" if result else "cannot get the account"
    assert sum(expected in record.getMessage() for record in caplog.records) == bool(result)


def test_account_of_a_new_cluster_is_resolved_in_preview():
    """A provider of another account is rejected before the cluster is created."""

    def program():
        cluster = eks.Cluster("new", {"create": {"skip_default_node_group": True}})
        return [cluster.region, cluster.account_id, cluster.partition]

    assert deploy(program, preview=True).value == [REGION, ACCOUNT, "aws"]
    unknown = Cloud(getCallerIdentity=PluginError("not configured"))
    assert deploy(program, preview=True, cloud=unknown).value is None
    assert deploy(program).value == [REGION, ACCOUNT, "aws"]


IN_KUBERNETES = {
    "ClusterAccess": {
        "group": "ops",
        "rbac_roles": [{"name": "view"}],
        "principals": [{"arn": f"arn:aws:iam::{ACCOUNT}:user/ope"}],
        "access_method": "aws-auth",
    },
    "WorkloadIdentity": {"namespace": "shop", "service_account": "cart", "mode": "pod-identity"},
}


def other(**cluster):
    """Return a kubeconfig of another cluster, or of this cluster by another endpoint."""
    document = json.loads(kubeconfig("https://other.gr7.ap-northeast-1.eks.amazonaws.com"))
    (found,) = document["clusters"]
    found["cluster"] |= cluster
    found["cluster"] = {key: value for key, value in found["cluster"].items() if value is not None}
    document["users"][0]["user"] = {"token": "xyzzy-token"}
    return document


def in_cluster(kind, value, *, secret=False, **provider):
    def program():
        text = json.dumps(value) if isinstance(value, dict) else value
        passed = k8s.Provider("passed", kubeconfig=pulumi.Output.secret(text) if secret else text, **provider)
        args = {"cluster": CONNECTION, **IN_KUBERNETES[kind]}
        getattr(eks, kind)("thing", args, pulumi.ResourceOptions(providers=[passed]))

    return program


OTHER_AUTHORITY = {"certificate-authority-data": base64.b64encode(b"another authority").decode()}


@pytest.mark.parametrize("secret", [False, True], ids=["plain", "secret"])
@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("kind", IN_KUBERNETES)
def test_a_kubernetes_provider_of_another_cluster_is_rejected(kind, preview, secret, caplog):
    """It is detected by the certificate authority before registration; the error has nothing of the kubeconfig."""
    cloud = Elsewhere()
    with pytest.raises(InvalidInputError) as rejected:
        deploy(in_cluster(kind, other(**OTHER_AUTHORITY), secret=secret), preview=preview, cloud=cloud)
    assert cloud.registered == ["passed"]
    message = str(rejected.value)
    assert f'{kind} "thing": 1 problem\n  opts.providers: \'kubernetes provider "passed"\'' in message
    assert f"must have a kubernetes provider of cluster {CONNECTION['arn']}" in message
    assert "pass the provider of that cluster" in message
    assert "set cluster.kubeconfig to the provider's kubeconfig" in message
    for hidden in ("xyzzy", "other.gr7", *OTHER_AUTHORITY.values()):
        assert hidden not in message + caplog.text


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        (other(server="https://localhost:8443"), {}),
        (other(**{"certificate-authority-data": None, "server": CONNECTION["endpoint"] + "/"}), {}),
        (json.loads(kubeconfig()) | {"current-context": "another"}, {"context": CONNECTION["arn"]}),
        (json.loads(kubeconfig()) | {"current-context": "another"}, {"cluster": CONNECTION["arn"]}),
    ],
    ids=["by a tunnel", "by its server alone", "by a context", "by a cluster"],
)
@pytest.mark.parametrize("kind", IN_KUBERNETES)
def test_a_kubernetes_provider_of_the_cluster_is_accepted(kind, value, settings, caplog):
    """Any kubeconfig that reaches the API server of the cluster is accepted."""
    deploy(in_cluster(kind, value, **settings), preview=True, cloud=Elsewhere())
    assert "cannot verify" not in caplog.text


def test_kubeconfig_of_the_connection_is_accepted():
    """The second fix works: a proxy with its own certificate authority, if it is in the connection."""

    def program():
        text = json.dumps(other(**OTHER_AUTHORITY))
        args = {"cluster": {**CONNECTION, "kubeconfig": text}, **IN_KUBERNETES["WorkloadIdentity"]}
        options = pulumi.ResourceOptions(providers=[k8s.Provider("passed", kubeconfig=text)])
        eks.WorkloadIdentity("thing", args, options)

    assert len(deploy(program, preview=True).of("kubernetes:core/v1:ServiceAccount")) == 1


def test_a_kubeconfig_in_a_file_is_read(tmp_path, caplog):
    """The kubernetes provider accepts a path, as kubectl does."""
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(other(**OTHER_AUTHORITY)))
    with pytest.raises(InvalidInputError, match="must have a kubernetes provider of cluster"):
        deploy(in_cluster("WorkloadIdentity", str(file)), preview=True)
    file.write_text(kubeconfig())
    deploy(in_cluster("WorkloadIdentity", str(file)), preview=True)
    assert "cannot verify" not in caplog.text


@pytest.mark.parametrize(
    "value", [other(**{"certificate-authority-data": None}), "{}", "nowhere"], ids=["another server", "none", "no file"]
)
@pytest.mark.parametrize("kind", IN_KUBERNETES)
def test_a_kubernetes_provider_that_cannot_be_verified_is_reported(kind, value, caplog):
    """It is accepted with a warning that has nothing of the kubeconfig."""
    deploy(in_cluster(kind, value), preview=True)
    assert f'{kind} "thing": cannot verify that the kubernetes provider "passed" is of cluster' in caplog.text
    assert "xyzzy" not in caplog.text
    assert "other.gr7" not in caplog.text


def test_the_provider_of_another_cluster_component_is_rejected():
    """The provider of a Cluster component is compared without a lookup."""

    def program(mine="one", theirs="two"):
        clusters = {name: eks.Cluster(name, {"name": name}) for name in (mine, theirs)}
        args = {"cluster": clusters["one"].connection, **IN_KUBERNETES["WorkloadIdentity"]}
        eks.WorkloadIdentity("thing", args, pulumi.ResourceOptions(providers=[clusters[theirs].provider]))

    cloud = testing.Cloud()
    with pytest.raises(InvalidInputError, match='kubernetes provider "two"'):
        deploy(program, preview=True, cloud=cloud)
    deploy(lambda: program("two", "one"), preview=True, cloud=cloud)


def test_unknown_kubeconfig_is_compared_in_the_update():
    """A preview accepts it; the update rejects it before the service account is registered."""

    def program():
        made = aws.s3.Bucket("late", bucket="late")
        late = made.arn.apply(lambda _: json.dumps(other(**OTHER_AUTHORITY)))
        passed = k8s.Provider("passed", kubeconfig=late)
        args = {"cluster": CONNECTION, **IN_KUBERNETES["WorkloadIdentity"]}
        eks.WorkloadIdentity("thing", args, pulumi.ResourceOptions(providers=[passed]))

    deploy(program, preview=True)
    cloud = Elsewhere()
    with pytest.raises(InvalidInputError, match="must have a kubernetes provider"):
        deploy(program, cloud=cloud)
    assert sorted(cloud.registered) == ["late", "passed"]
