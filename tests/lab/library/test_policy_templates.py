"""Policy templates: roles and add-ons that the engine deploys, verified with the aws command as their pods."""

import json
from pathlib import Path

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.workload_program import Stack

CLUSTER = "irsa"
PROGRAM = Path(__file__).with_name("policy_templates_program.py")


@pytest.fixture(scope="module")
def clients(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture(scope="module")
def existing(running_lab):
    """Two existing hosted zones and two secrets."""
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
def stack(running_lab, tools, existing, tmp_path_factory):
    """Return a function that updates the stack to a mode; at the end verify that a destroy deletes everything."""
    project = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    config = {"zone": f"arn:aws:route53:::hostedzone/{existing['zones'][0]}", "secret": existing["secrets"][0]}
    eks, iam = client(running_lab, "eks"), client(running_lab, "iam")

    def resources():
        return {
            "addons": eks.list_addons(clusterName=CLUSTER)["addons"],
            "associations": eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"],
            "roles": sorted(role["RoleName"] for role in iam.list_roles()["Roles"]),
        }

    before = resources()
    try:
        yield lambda mode: project.up({**config, "mode": mode})
    finally:
        project.stack.destroy()
    assert resources() == before


@pytest.fixture(scope="module")
def outputs(stack):
    """The outputs of the first update."""
    return stack("irsa")


@pytest.fixture(scope="module")
def changed_outputs(stack, outputs):
    """The outputs after an update of the DNS add-on to Pod Identity."""
    return stack("pod-identity")


@pytest.fixture
def as_pod(clients, tmp_path):
    """Return a function that runs `aws` with a service account token of the cluster, as a pod does."""

    def run(role, namespace, account, *arguments):
        token = clients.operate(CLUSTER, "create", "token", account, "-n", namespace, "--audience", "sts.amazonaws.com")
        assert token.worked, token.stderr
        (tmp_path / "token").write_text(token.stdout.strip())
        (tmp_path / "empty").write_text("")
        return clients.aws(
            *arguments,
            AWS_ROLE_ARN=role,
            AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
            AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "empty"),
        ).verdict

    return run


@pytest.fixture
def service_account(clients):
    """Return a function that creates a namespace and service account, as the add-on does."""
    namespaces = []

    def make(namespace, account):
        for command in (["namespace", namespace], ["serviceaccount", account, "-n", namespace]):
            assert clients.operate(CLUSTER, "create", *command).worked
        namespaces.append(namespace)

    yield make
    for namespace in namespaces:
        clients.operate(CLUSTER, "delete", "namespace", namespace, "--wait=false")
        clients.operate(CLUSTER, "delete", "serviceaccount", "--all", "-n", namespace)


def test_s3_template_allows_the_prefix_of_the_bucket_only(outputs, as_pod, tmp_path):
    """The pod writes and lists objects below the prefix, and is denied other prefixes and buckets."""
    (tmp_path / "file").write_text("hello")

    def put(bucket, key):
        body = str(tmp_path / "file")
        command = ["s3api", "put-object", "--bucket", bucket, "--key", key, "--body", body]
        return as_pod(outputs["files"], "default", "files", *command)

    assert put("catalogue-mine", "team/x") == "works"
    assert put("catalogue-mine", "other/x") == "AccessDenied"
    assert put("catalogue-other", "team/x") == "AccessDenied"
    listing = ["s3api", "list-objects-v2", "--bucket", "catalogue-mine"]
    assert as_pod(outputs["files"], "default", "files", *listing, "--prefix", "team/") == "works"
    assert as_pod(outputs["files"], "default", "files", *listing) == "AccessDenied"


def test_secrets_template_allows_the_listed_secret_only(outputs, existing, as_pod):
    """Two templates of one role do not widen each other."""
    get = ["secretsmanager", "get-secret-value", "--secret-id"]
    mine, other = existing["secrets"]
    assert as_pod(outputs["files"], "default", "files", *get, mine) == "works"
    assert as_pod(outputs["files"], "default", "files", *get, other) == "AccessDenied"


def test_load_balancer_template_in_the_iam_simulator(outputs, running_lab):
    """SimulatePrincipalPolicy allows the deployed role load balancers of its cluster only."""
    iam = client(running_lab, "iam")
    request = {
        "PolicySourceArn": outputs["balancer"],
        "ActionNames": ["elasticloadbalancing:DeleteLoadBalancer"],
        "ResourceArns": ["arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/app/k8s/0a"],
    }

    def simulate(cluster):
        tag = "aws:ResourceTag/elbv2.k8s.aws/cluster"
        entry = {"ContextKeyName": tag, "ContextKeyValues": [cluster], "ContextKeyType": "string"}
        (result,) = iam.simulate_principal_policy(**request, ContextEntries=[entry])["EvaluationResults"]
        return result["EvalDecision"]

    assert simulate(CLUSTER) == "allowed"
    assert simulate("other") == "implicitDeny"


def describe_addon(clients, addon):
    result = clients.aws("eks", "describe-addon", "--cluster-name", CLUSTER, "--addon-name", addon)
    return json.loads(result.stdout)["addon"]


def owned_associations(clients, addon):
    result = clients.aws("eks", "list-pod-identity-associations", "--cluster-name", CLUSTER)
    associations = json.loads(result.stdout)["associations"]
    return [association for association in associations if association.get("ownerArn") == addon["addonArn"]]


def test_addon_with_irsa(outputs, clients, existing, as_pod, service_account):
    """The add-on has the role of its service account, whose pods can write only records of the listed zone."""
    addon = describe_addon(clients, "external-dns")
    assert addon["addonArn"] == outputs["dns"]["arn"]
    assert addon["serviceAccountRoleArn"] == outputs["dns"]["role"]
    assert json.loads(addon["configurationValues"]) == {"policy": "sync"}
    assert owned_associations(clients, addon) == []
    service_account("external-dns", outputs["dns"]["account"])
    mine, other = existing["zones"]
    record = {"Name": "www.a.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    batch = json.dumps({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})
    change = ["route53", "change-resource-record-sets", "--change-batch", batch, "--hosted-zone-id"]
    as_dns = outputs["dns"]["role"], "external-dns", outputs["dns"]["account"]
    assert as_pod(*as_dns, *change, mine) == "works"
    assert as_pod(*as_dns, *change, other) == "AccessDenied"
    assert as_pod(*as_dns, "route53", "list-resource-record-sets", "--hosted-zone-id", other) == "AccessDenied"
    assert as_pod(*as_dns, "route53", "list-hosted-zones") == "works"
    undo = batch.replace("UPSERT", "DELETE")
    assert as_pod(*as_dns, *change[:2], "--change-batch", undo, "--hosted-zone-id", mine) == "works"


def test_addon_with_pod_identity(outputs, clients):
    """The add-on owns an association with the role, and EKS rejects its deletion by others."""
    addon = describe_addon(clients, "aws-ebs-csi-driver")
    (association,) = owned_associations(clients, addon)
    assert (association["namespace"], association["serviceAccount"]) == ("kube-system", "ebs-csi-controller-sa")
    options = ["--cluster-name", CLUSTER, "--association-id", association["associationId"]]
    details = json.loads(clients.aws("eks", "describe-pod-identity-association", *options).stdout)["association"]
    assert details["roleArn"] == outputs["driver"]["role"]
    deletion = clients.aws("eks", "delete-pod-identity-association", *options)
    assert "owned by" in deletion.stderr


def test_addon_changes_from_irsa_to_pod_identity_in_place(changed_outputs, clients):
    """The add-on keeps its ARN, gets an association in place of the service account role, and the role trusts both."""
    addon = describe_addon(clients, "external-dns")
    assert addon["addonArn"] == changed_outputs["dns"]["arn"]
    assert "serviceAccountRoleArn" not in addon
    (association,) = owned_associations(clients, addon)
    assert (association["namespace"], association["serviceAccount"]) == ("external-dns", "external-dns")
    role = changed_outputs["dns"]["role"].rpartition("/")[2]
    trust = json.loads(clients.aws("iam", "get-role", "--role-name", role).stdout)["Role"]["AssumeRolePolicyDocument"]
    assert [next(iter(statement["Principal"])) for statement in trust["Statement"]] == ["Service", "Federated"]
