"""Entries of the catalogue at work: roles and add-ons that the engine deploys, and AWS's own client as their pods."""

import json

import pytest
from pods_program import Stack

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
PROGRAM = """
zone, secret, mode = (said[name] for name in ("zone", "secret", "mode"))
cluster = eks.Cluster("cluster", {"name": "irsa"})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
provider = eks.OidcProvider("cluster", {"issuer": cluster.issuer})
mine = aws.s3.Bucket("mine", bucket="catalogue-mine", force_destroy=True)
other = aws.s3.Bucket("other", bucket="catalogue-other", force_destroy=True)
files = eks.WorkloadIdentity("files", {
    "cluster": cluster.connection, "namespace": "default", "service_account": "files", "mode": "irsa",
    "oidc_provider_arn": provider.arn,
    "policy_templates": [
        {"name": "aws-mountpoint-s3-csi-driver", "bucket_arns": [mine.arn], "key_prefixes": ["team/"]},
        {"name": "external-secrets", "secret_arns": [secret]},
    ],
}, on_cluster)
balancer = eks.IrsaRole("balancer", {
    "oidc_provider_arns": [provider.arn], "subjects": [{"namespace": "default", "name": "balancer"}],
    "policy_templates": [{"name": "aws-load-balancer-controller", "cluster_names": [cluster.name]}],
})
dns = eks.Addon("dns", {
    "cluster": cluster.connection, "addon_name": "external-dns", "mode": mode, "oidc_provider_arn": provider.arn,
    "configuration_values": json.dumps({"policy": "sync"}),
    "policy_templates": [{"name": "external-dns", "hosted_zone_arns": [zone]}],
})
driver = eks.Addon("driver", {
    "cluster": cluster.connection, "addon_name": "aws-ebs-csi-driver", "mode": "pod-identity",
})
pulumi.export("files", files.role_arn)
pulumi.export("balancer", balancer.arn)
pulumi.export("dns", {"role": dns.role_arn, "arn": dns.arn, "account": dns.service_account})
pulumi.export("driver", {"role": driver.role_arn, "arn": driver.arn})
"""


@pytest.fixture(scope="module")
def world(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def found(running_lab):
    """What is there before: two hosted zones and two secrets."""
    dns, secrets = client(running_lab, "route53"), client(running_lab, "secretsmanager")
    zones = [
        dns.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"] for name in ("a.test", "b.test")
    ]
    arns = [
        secrets.create_secret(Name=name, SecretString=name)["ARN"] for name in ("catalogue/mine", "catalogue/other")
    ]
    yield {"zones": [zone.rpartition("/")[2] for zone in zones], "secrets": arns}
    for zone in zones:
        dns.delete_hosted_zone(Id=zone)
    for arn in arns:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture(scope="module")
def stack(running_lab, tools, found, tmp_path_factory):
    """Updates the stack of this test to a mode; destroys what it made, and looks whether anything is left."""
    project = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    said = {"zone": f"arn:aws:route53:::hostedzone/{found['zones'][0]}", "secret": found["secrets"][0]}
    eks, iam = client(running_lab, "eks"), client(running_lab, "iam")

    def left():
        return {
            "addons": eks.list_addons(clusterName=CLUSTER)["addons"],
            "associations": eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"],
            "roles": sorted(role["RoleName"] for role in iam.list_roles()["Roles"]),
        }

    before = left()
    try:
        yield lambda mode: project.up({**said, "mode": mode})
    finally:
        project.stack.destroy()
    assert left() == before


@pytest.fixture(scope="module")
def made(stack):
    """The outputs of the first update."""
    return stack("irsa")


@pytest.fixture(scope="module")
def changed(stack, made):
    """The outputs once the DNS add-on has its role by Pod Identity."""
    return stack("pod-identity")


@pytest.fixture
def as_pod(world, tmp_path):
    """`aws` as a pod of that service account would run it: with a token of the cluster, and no keys."""

    def run(role, namespace, account, *arguments):
        token = world.operate(CLUSTER, "create", "token", account, "-n", namespace, "--audience", "sts.amazonaws.com")
        assert token.worked, token.stderr
        (tmp_path / "token").write_text(token.stdout.strip())
        (tmp_path / "nobody").write_text("")
        return world.aws(
            *arguments,
            AWS_ROLE_ARN=role,
            AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
            AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "nobody"),
        ).verdict

    return run


@pytest.fixture
def service_account(world):
    """A service account such as the add-on installs."""
    there = []

    def make(namespace, account):
        for command in (["namespace", namespace], ["serviceaccount", account, "-n", namespace]):
            assert world.operate(CLUSTER, "create", *command).worked
        there.append(namespace)

    yield make
    for namespace in there:
        world.operate(CLUSTER, "delete", "namespace", namespace, "--wait=false")
        world.operate(CLUSTER, "delete", "serviceaccount", "--all", "-n", namespace)


def test_objects_below_the_prefix_of_the_bucket_alone(made, as_pod, tmp_path):
    """Written and read there; not beside the prefix, and not in another bucket."""
    (tmp_path / "file").write_text("hello")

    def put(bucket, key):
        body = str(tmp_path / "file")
        command = ["s3api", "put-object", "--bucket", bucket, "--key", key, "--body", body]
        return as_pod(made["files"], "default", "files", *command)

    assert put("catalogue-mine", "team/x") == "works"
    assert put("catalogue-mine", "other/x") == "AccessDenied"
    assert put("catalogue-other", "team/x") == "AccessDenied"
    listing = ["s3api", "list-objects-v2", "--bucket", "catalogue-mine"]
    assert as_pod(made["files"], "default", "files", *listing, "--prefix", "team/") == "works"
    assert as_pod(made["files"], "default", "files", *listing) == "AccessDenied"


def test_the_secret_that_was_named_alone(made, found, as_pod):
    """Two entries of one role do not widen each other."""
    get = ["secretsmanager", "get-secret-value", "--secret-id"]
    mine, other = found["secrets"]
    assert as_pod(made["files"], "default", "files", *get, mine) == "works"
    assert as_pod(made["files"], "default", "files", *get, other) == "AccessDenied"


def test_iams_simulator_says_the_same(made, running_lab):
    """SimulatePrincipalPolicy on the deployed role: load balancers of this cluster, and of no other."""
    iam = client(running_lab, "iam")
    simulate = {
        "PolicySourceArn": made["balancer"],
        "ActionNames": ["elasticloadbalancing:DeleteLoadBalancer"],
        "ResourceArns": ["arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/app/k8s/0a"],
    }

    def decided(cluster):
        tag = "aws:ResourceTag/elbv2.k8s.aws/cluster"
        entry = {"ContextKeyName": tag, "ContextKeyValues": [cluster], "ContextKeyType": "string"}
        (result,) = iam.simulate_principal_policy(**simulate, ContextEntries=[entry])["EvaluationResults"]
        return result["EvalDecision"]

    assert decided(CLUSTER) == "allowed"
    assert decided("other") == "implicitDeny"


def described(world, addon):
    answer = world.aws("eks", "describe-addon", "--cluster-name", CLUSTER, "--addon-name", addon)
    return json.loads(answer.stdout)["addon"]


def owned(world, addon):
    answer = world.aws("eks", "list-pod-identity-associations", "--cluster-name", CLUSTER)
    return [one for one in json.loads(answer.stdout)["associations"] if one.get("ownerArn") == addon["addonArn"]]


def test_an_addon_by_irsa(made, world, found, as_pod, service_account):
    """EKS has the role for the add-on's service account, whose pods may write that zone's records alone."""
    addon = described(world, "external-dns")
    assert addon["addonArn"] == made["dns"]["arn"]
    assert addon["serviceAccountRoleArn"] == made["dns"]["role"]
    assert json.loads(addon["configurationValues"]) == {"policy": "sync"}
    assert owned(world, addon) == []
    service_account("external-dns", made["dns"]["account"])
    mine, other = found["zones"]
    record = {"Name": "www.a.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    batch = json.dumps({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})
    change = ["route53", "change-resource-record-sets", "--change-batch", batch, "--hosted-zone-id"]
    as_dns = made["dns"]["role"], "external-dns", made["dns"]["account"]
    assert as_pod(*as_dns, *change, mine) == "works"
    assert as_pod(*as_dns, *change, other) == "AccessDenied"
    assert as_pod(*as_dns, "route53", "list-resource-record-sets", "--hosted-zone-id", other) == "AccessDenied"
    assert as_pod(*as_dns, "route53", "list-hosted-zones") == "works"
    undo = batch.replace("UPSERT", "DELETE")
    assert as_pod(*as_dns, *change[:2], "--change-batch", undo, "--hosted-zone-id", mine) == "works"


def test_an_addon_by_pod_identity(made, world):
    """The add-on owns an association with the role, which nobody else may delete."""
    addon = described(world, "aws-ebs-csi-driver")
    (association,) = owned(world, addon)
    assert (association["namespace"], association["serviceAccount"]) == ("kube-system", "ebs-csi-controller-sa")
    one = ["--cluster-name", CLUSTER, "--association-id", association["associationId"]]
    shown = json.loads(world.aws("eks", "describe-pod-identity-association", *one).stdout)["association"]
    assert shown["roleArn"] == made["driver"]["role"]
    refused = world.aws("eks", "delete-pod-identity-association", *one)
    assert "owned by" in refused.stderr


def test_a_change_of_mode_is_an_update_of_the_addon(changed, world):
    """From IRSA to Pod Identity: the same add-on and role, the association is there, the annotated role gone."""
    addon = described(world, "external-dns")
    assert addon["addonArn"] == changed["dns"]["arn"]
    assert "serviceAccountRoleArn" not in addon
    (association,) = owned(world, addon)
    assert (association["namespace"], association["serviceAccount"]) == ("external-dns", "external-dns")
    role = changed["dns"]["role"].rpartition("/")[2]
    trust = json.loads(world.aws("iam", "get-role", "--role-name", role).stdout)["Role"]["AssumeRolePolicyDocument"]
    assert [next(iter(statement["Principal"])) for statement in trust["Statement"]] == ["Service", "Federated"]
