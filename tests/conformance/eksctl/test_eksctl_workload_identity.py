"""Story 2 with the real eksctl: pods of one service account list buckets, by IRSA and by Pod Identity."""

import json

import pytest

from support.eksctl_clients import ACCOUNT, ANNOTATION

CLUSTER = "irsa"
BUCKET = "lab-bucket"
NAME = "my-sa"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
POD_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
SERVICE_ACCOUNT = ("--cluster", CLUSTER, "--name", NAME, "--namespace", "default")
ASSOCIATION = ("--cluster", CLUSTER, "--namespace", "default", "--service-account-name", NAME)


@pytest.fixture(scope="module", autouse=True)
def bucket(clients):
    location = "LocationConstraint=ap-northeast-1"
    clients.query("s3api", "create-bucket", "--bucket", BUCKET, "--create-bucket-configuration", location)


@pytest.fixture(scope="module")
def issuer(clients):
    query = ("--query", "cluster.identity.oidc.issuer")
    return clients.query("eks", "describe-cluster", "--name", CLUSTER, *query).removeprefix("https://")


@pytest.fixture(scope="module")
def provider(clients, issuer):
    """The ARN of the OIDC provider that eksctl creates for the cluster."""
    assert providers(clients) == []
    clients.done("utils", "associate-iam-oidc-provider", "--cluster", CLUSTER, "--approve")
    return f"{ACCOUNT}:oidc-provider/{issuer}"


def providers(clients):
    listed = clients.query("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]
    return [provider["Arn"] for provider in listed]


def role_of(clients, arn):
    """Return the statement of a role's trust policy, and its attached policies."""
    name = arn.rpartition("/")[2]
    role = clients.query("iam", "get-role", "--role-name", name)["Role"]
    attached = clients.query("iam", "list-attached-role-policies", "--role-name", name)["AttachedPolicies"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return statement, [policy["PolicyArn"] for policy in attached]


def test_plan_of_the_oidc_provider_changes_nothing(clients):
    """Without --approve eksctl prints a plan, and aws lists no provider."""
    planned = clients.done("utils", "associate-iam-oidc-provider", "--cluster", CLUSTER)
    assert "would create IAM Open ID Connect provider" in planned
    assert providers(clients) == []


def test_oidc_provider_is_that_of_the_cluster(clients, provider, issuer):
    """The provider has the issuer and the audience of STS. A second run finds it."""
    found = clients.query("iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn", provider)
    assert (found["Url"], found["ClientIDList"]) == (issuer, ["sts.amazonaws.com"])
    assert {"Key": "alpha.eksctl.io/cluster-name", "Value": CLUSTER} in found["Tags"]
    again = clients.done("utils", "associate-iam-oidc-provider", "--cluster", CLUSTER, "--approve")
    assert "is already associated with cluster" in again
    assert providers(clients) == [provider]


def test_iamserviceaccount_lets_its_pods_list_buckets(clients, provider, issuer):
    """pod-before fails as the node's role; pod-after lists the bucket and creates none; other pods still fail."""
    before = clients.pod_log(CLUSTER, "pod-before", "s3", "ls")
    assert "AccessDenied" in before
    assert "assumed-role/eks-lab-node/" in before
    clients.done("create", "iamserviceaccount", *SERVICE_ACCOUNT, "--attach-policy-arn", READ_ONLY, "--approve")
    metadata = clients.read(CLUSTER, "serviceaccount", NAME)["metadata"]
    arn = metadata["annotations"][ANNOTATION]
    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "eksctl"}
    assert clients.listed("iamserviceaccount", "--cluster", CLUSTER)[0]["status"]["roleARN"] == arn
    assert role_of(clients, arn) == (
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Condition": {
                "StringEquals": {
                    f"{issuer}:aud": "sts.amazonaws.com",
                    f"{issuer}:sub": f"system:serviceaccount:default:{NAME}",
                }
            },
        },
        [READ_ONLY],
    )
    assert BUCKET in clients.pod_log(CLUSTER, "pod-after", "s3", "ls", service_account=NAME)
    assert "AccessDenied" in clients.pod_log(CLUSTER, "pod-mb", "s3", "mb", "s3://other", service_account=NAME)
    assert "AccessDenied" in clients.pod_log(CLUSTER, "pod-default", "s3", "ls")
    token = clients.operate(CLUSTER, "create", "token", "default", "--audience", "sts.amazonaws.com").stdout.strip()
    assume = ("--role-arn", arn, "--role-session-name", "other", "--web-identity-token", token)
    assert clients.aws("sts", "assume-role-with-web-identity", *assume).verdict == "AccessDenied"
    clients.done("delete", "iamserviceaccount", *SERVICE_ACCOUNT, "--wait")
    assert clients.read(CLUSTER, "serviceaccount", NAME) is None
    assert "NoSuchEntity" in clients.aws("iam", "get-role", "--role-name", arn.rpartition("/")[2]).stderr
    assert f"eksctl-{CLUSTER}-addon-iamserviceaccount-default-{NAME}" not in clients.stack_names()


def test_podidentityassociation_lets_its_pods_list_buckets(clients):
    """The association that aws lists has a role for pods; its pods list the bucket. A deletion removes both."""
    create = ("create", "podidentityassociation", *ASSOCIATION, "--create-service-account")
    clients.done(*create, "--permission-policy-arns", READ_ONLY)
    list_associations = ("eks", "list-pod-identity-associations", "--cluster-name", CLUSTER)
    (association,) = clients.query(*list_associations)["associations"]
    assert (association["namespace"], association["serviceAccount"]) == ("default", NAME)
    (listed,) = clients.listed("podidentityassociation", "--cluster", CLUSTER)
    assert listed["AssociationARN"] == association["associationArn"]
    arn = listed["RoleARN"]
    assert role_of(clients, arn) == (POD_TRUST, [READ_ONLY])
    assert BUCKET in clients.pod_log(CLUSTER, "pod-identity", "s3", "ls", service_account=NAME)
    assert "AccessDenied" in clients.pod_log(CLUSTER, "pod-other", "s3", "ls")
    clients.done("delete", "podidentityassociation", *ASSOCIATION)
    assert clients.query(*list_associations)["associations"] == []
    assert clients.read(CLUSTER, "serviceaccount", NAME) is None
    assert "NoSuchEntity" in clients.aws("iam", "get-role", "--role-name", arn.rpartition("/")[2]).stderr
    assert f"eksctl-{CLUSTER}-podidentityrole-default-{NAME}" not in clients.stack_names()


def test_updates_change_the_policies(clients, provider):
    """`eksctl update` replaces the policies of a role in place: the pods' role and its trust policy are the same."""
    clients.done("create", "iamserviceaccount", *config_file(clients, READ_ONLY), "--approve")
    clients.done("create", "podidentityassociation", *config_file(clients, READ_ONLY))
    metadata = clients.read(CLUSTER, "serviceaccount", "by-irsa")["metadata"]
    (association,) = clients.listed("podidentityassociation", "--cluster", CLUSTER)
    arns = [metadata["annotations"][ANNOTATION], association["RoleARN"]]
    before = [role_of(clients, arn) for arn in arns]
    clients.done("update", "iamserviceaccount", *config_file(clients, FULL_ACCESS), "--approve")
    clients.done("update", "podidentityassociation", *config_file(clients, FULL_ACCESS))
    assert [policies for _, policies in before] == [[READ_ONLY], [READ_ONLY]]
    assert [role_of(clients, arn) for arn in arns] == [(statement, [FULL_ACCESS]) for statement, _ in before]
    clients.done("delete", "iamserviceaccount", "--cluster", CLUSTER, "--name", "by-irsa", "--wait")
    options = ("--cluster", CLUSTER, "--namespace", "default", "--service-account-name", "by-pod-identity")
    clients.done("delete", "podidentityassociation", *options)


def test_migration_to_pod_identity(clients, provider):
    """The pods of a migrated service account list the bucket by Pod Identity; its role trusts no provider any more."""
    options = ("--cluster", CLUSTER, "--name", "migrated", "--namespace", "default")
    clients.done("create", "iamserviceaccount", *options, "--attach-policy-arn", READ_ONLY, "--approve")
    arn = clients.read(CLUSTER, "serviceaccount", "migrated")["metadata"]["annotations"][ANNOTATION]
    migrate = ("migrate-to-pod-identity", "--cluster", CLUSTER, "--remove-oidc-provider-trust-relationship")
    clients.done("utils", *migrate, "--approve")
    assert "annotations" not in clients.read(CLUSTER, "serviceaccount", "migrated")["metadata"]
    list_associations = ("eks", "list-pod-identity-associations", "--cluster-name", CLUSTER)
    (association,) = clients.query(*list_associations)["associations"]
    trust = POD_TRUST | {"Principal": {"Service": ["pods.eks.amazonaws.com"]}}
    assert (association["serviceAccount"], association["namespace"]) == ("migrated", "default")
    assert role_of(clients, arn) == (trust, [READ_ONLY])
    assert BUCKET in clients.pod_log(CLUSTER, "pod-migrated", "s3", "ls", service_account="migrated")
    clients.done(
        *("delete", "podidentityassociation", "--cluster", CLUSTER, "--namespace", "default"),
        *("--service-account-name", "migrated"),
    )


def config_file(clients, policy):
    """Write a config file with a service account of each kind, and return the options of eksctl for it."""
    association = {"namespace": "default", "serviceAccountName": "by-pod-identity", "permissionPolicyARNs": [policy]}
    accounts = [{"metadata": {"name": "by-irsa", "namespace": "default"}, "attachPolicyARNs": [policy]}]
    config = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": CLUSTER, "region": "ap-northeast-1"},
        "iam": {
            "withOIDC": True,
            "serviceAccounts": accounts,
            "podIdentityAssociations": [association],
        },
    }
    file = clients.home.folder / "eksctl.json"
    file.write_text(json.dumps(config))
    return "--config-file", str(file)


def test_iamserviceaccount_acts_as_its_caller(clients, provider):
    """A caller without permissions for IAM gets no role: the stack rolls back, and its events have IAM's reason."""
    actions = ["cloudformation:*", "eks:*", "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviders"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    clients.query("iam", "create-user", "--user-name", "limited")
    policy = ("--policy-name", "stacks", "--policy-document", document)
    clients.query("iam", "put-user-policy", "--user-name", "limited", *policy)
    before = clients.query("iam", "list-roles", "--query", "Roles[].RoleName")
    options = ("--cluster", CLUSTER, "--name", "admin", "--namespace", "default", "--role-only", "--approve")
    policy = ("--attach-policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
    result = clients.eksctl("create", "iamserviceaccount", *options, *policy, principal="limited")
    assert (result.code, "failed to create iamserviceaccount(s)" in result.stderr) == (1, True)
    stack = f"eksctl-{CLUSTER}-addon-iamserviceaccount-default-admin"
    events = clients.query("cloudformation", "describe-stack-events", "--stack-name", stack)["StackEvents"]
    (reason,) = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert f"{ACCOUNT}:user/limited is not authorized to perform: iam:CreateRole" in reason
    assert clients.query("iam", "list-roles", "--query", "Roles[].RoleName") == before
