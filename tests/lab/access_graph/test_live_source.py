"""What the live source needs: few requests, one side of the two at least, and the right cluster and accounts."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from eks_access.errors import ExitCode, SourceError, UsageError
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.sources.live import open_live
from lab.principals import OTHER_ADMINISTRATOR

ACCOUNT, OTHER = "123456789012", "210987654321"
APP = f"arn:aws:iam::{ACCOUNT}:role/apps/app"

pytestmark = pytest.mark.usefixtures("as_administrator")


def failures(graph):
    """Return the reasons by field of the parts that a full reading does not have."""
    graph.read_everything()
    parts = {name: part for name, part in vars(graph).items() if isinstance(part, Part | Table)}
    return {name: [str(each) for each in part.failures()] for name, part in parts.items() if list(part.failures())}


def test_opening_asks_only_for_the_caller_and_the_cluster(requests):
    """A graph that no question has been asked of has made two requests."""
    open_live()
    assert requests == ["GetCallerIdentity", "GET /clusters/eks-clu"]


def test_one_chain_is_read_by_its_own_requests(requests):
    """A workload's chain is read without a listing of all objects of a kind."""
    graph = open_live()
    service_account = graph.service_accounts.get(("default", "app"))
    association = graph.associations.get(("default", "app"))
    graph.oidc_providers.get(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{graph.cluster.get().issuer[8:]}")
    role = graph.principals.get(service_account.annotations["eks.amazonaws.com/role-arn"])
    graph.pods.get(("default", "app"))
    graph.policies.get(f"arn:aws:iam::{ACCOUNT}:policy/buckets")
    assert association.role_arn == role.arn
    assert requests[2:] == [
        "/api/v1/namespaces/default/serviceaccounts/app",
        "GET /clusters/eks-clu/pod-identity-associations",
        f"GET /clusters/eks-clu/pod-identity-associations/{association.id}",
        "GetOpenIDConnectProvider",
        "GetRole",
        "ListRolePolicies",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "/api/v1/namespaces/default/pods/app",
        "GetPolicy",
        "GetPolicyVersion",
    ]
    again = len(requests)
    graph.principals.get(APP)
    graph.service_accounts.get(("default", "app"))
    assert len(requests) == again


def test_everything_is_read_by_one_listing_of_a_kind(requests):
    """All objects are read by one listing a kind. Only what EKS and IAM describe one by one has more requests."""
    graph = open_live()
    graph.read_everything()
    counts = Counter(requests)
    assert counts.pop("GetAccountAuthorizationDetails") == 1
    assert counts.pop("GetOpenIDConnectProvider") == len(graph.oidc_providers.all())
    assert counts.pop("GetInstanceProfile") == 2  # of the node group, and of the node by hand
    described = [path for path in counts if path.startswith("GET /clusters/eks-clu/access-entries/")]
    assert len(described) == 2 * len(graph.entries.all())
    assert set(counts.values()) == {1}
    listings = [path.rpartition("/")[2] for path in counts if path.startswith("/api")]
    kinds = "clusterroles roles clusterrolebindings rolebindings serviceaccounts pods nodes"
    assert Counter(kinds.split()) <= Counter(listings)


def test_graph_has_no_secret(live_lab):
    """Nothing in a graph has the value of a key, a token or another secret."""
    graph = open_live()
    graph.read_everything()
    parts = [part for part in vars(graph).values() if isinstance(part, Part | Table)]
    text = repr([part.get() if isinstance(part, Part) else dict(part.all()) for part in parts])
    assert "app" in text
    assert "c2VjcmV0LW9mLWEtY29udGFpbmVy" not in text
    credentials = Path(live_lab.clients.environment()["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    secrets = [line.partition("=")[2].strip() for line in credentials.splitlines() if "=" in line]
    assert len(secrets) == 2
    assert [secret for secret in secrets if secret in text] == []


def test_without_a_context_the_token_is_signed_here(monkeypatch, tmp_path):
    """Without a kubeconfig, a signed token and DescribeCluster give access to both kinds of clusters."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    for cluster in ("eks-clu", "irsa"):
        assert failures(open_live(cluster)) == {}
    with pytest.raises(SourceError, match="no kubeconfig, and no cluster named") as raised:
        open_live()
    assert raised.value.exit_code == ExitCode.NOT_REACHABLE


def test_context_of_the_named_cluster_is_used(live_lab):
    """With a cluster's name, the kubeconfig's context of that cluster is used, not the current one."""
    live_lab.clients.update_kubeconfig("irsa", "lab-admin")
    try:
        assert open_live().cluster.get().name == "irsa"
        assert open_live("eks-clu").rbac_roles.get(("default", "one")) is not None
        assert open_live(context="eks-clu").rbac_roles.get(("default", "one")) is not None
    finally:
        live_lab.clients.update_kubeconfig("eks-clu", "lab-admin")
    assert open_live().cluster.get().name == "eks-clu"


def test_context_of_another_cluster_is_an_error(live_lab, tmp_path):
    """A context whose API server is not the cluster's is an error: its objects would be of another cluster."""
    document = yaml.safe_load(Path(live_lab.clients.environment()["KUBECONFIG"]).read_text())
    mixed = tmp_path / "mixed"
    text = yaml.safe_dump(document).replace("- eks-clu\n", "- irsa\n")
    assert text != yaml.safe_dump(document)
    mixed.write_text(text)
    with pytest.raises(SourceError, match="is of another cluster than") as raised:
        open_live(context="eks-clu", kubeconfig=mixed)
    assert "aws eks update-kubeconfig --name irsa" in raised.value.fix


def test_missing_cluster_is_an_error_with_account_and_region():
    """A cluster that does not exist in the account and region is an error that names both."""
    with pytest.raises(SourceError, match=f"does not exist in eu-west-1 of account {ACCOUNT}"):
        open_live("eks-clu", region="eu-west-1")


def test_without_aws_credentials_kubernetes_is_read(live_lab, monkeypatch, tmp_path):
    """With a client certificate and without AWS credentials, all parts of AWS are not read, and say why."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "missing"))
    (folder,) = live_lab.clients.home.folder.glob("clusters/*-eks-clu-*")
    found = failures(open_live("eks-clu", kubeconfig=folder / "admin.kubeconfig", region="ap-northeast-1"))
    aws = {"cluster", "principals", "groups", "policies", "oidc_providers", "entries", "associations"}
    assert set(found) == aws | {"has_pod_identity_agent"}
    assert all("NoCredentialsError" in reason for reasons in found.values() for reason in reasons)


def test_without_both_sides_is_an_error(monkeypatch, tmp_path):
    """Without AWS credentials and without access to the API server there is nothing to read: exit code 3."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "missing"))
    with pytest.raises(SourceError, match="cluster eks-clu cannot be read") as raised:
        open_live()
    assert raised.value.exit_code == ExitCode.NOT_REACHABLE
    assert "aws sts get-caller-identity" in raised.value.fix


def test_expired_credentials_name_the_error_of_aws(live_lab, monkeypatch, tmp_path):
    """An access key that AWS does not accept is the reason that is reported."""
    user = live_lab.aws("iam", "create-user", "--user-name", "former")["User"]["UserName"]
    key = live_lab.aws("iam", "create-access-key", "--user-name", user)["AccessKey"]
    live_lab.aws("iam", "update-access-key", "--user-name", user, "--access-key-id", key["AccessKeyId"],
                 "--status", "Inactive")  # fmt: skip
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(SourceError, match="InvalidClientTokenId"):
        open_live()


def test_unknown_profile_is_a_usage_error():
    """A profile that is named and does not exist is an error of the argument."""
    with pytest.raises(UsageError, match="--profile must be a profile"):
        open_live(profile="none")


@pytest.fixture
def other_account(live_lab):
    """A role in the second account that the first one may assume, and a role and policy to read there."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = lambda *arguments: live_lab.aws("iam", *arguments, principal=OTHER_ADMINISTRATOR)  # noqa: E731
    for name in ("auditor", "target"):
        iam("create-role", "--role-name", name, "--assume-role-policy-document", document)
    read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    iam("attach-role-policy", "--role-name", "auditor", "--policy-arn", read_only)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    allow = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam("create-policy", "--policy-name", "shared", "--policy-document", allow)
    issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    iam("create-open-id-connect-provider", "--url", issuer, "--client-id-list", "sts.amazonaws.com")
    yield {
        "principals": f"arn:aws:iam::{OTHER}:role/target",
        "policies": f"arn:aws:iam::{OTHER}:policy/shared",
        "oidc_providers": f"arn:aws:iam::{OTHER}:oidc-provider/{issuer[8:]}",
    }
    iam("detach-role-policy", "--role-name", "auditor", "--policy-arn", read_only)
    for name in ("auditor", "target"):
        iam("delete-role", "--role-name", name)
    iam("delete-policy", "--policy-arn", f"arn:aws:iam::{OTHER}:policy/shared")
    iam("delete-open-id-connect-provider", "--open-id-connect-provider-arn",
        f"arn:aws:iam::{OTHER}:oidc-provider/{issuer[8:]}")  # fmt: skip


def test_objects_of_another_account_are_read_with_its_session(other_account):
    """With `accounts`, principals, policies and OIDC providers of that account are read, listed before or not."""
    auditor = f"arn:aws:iam::{OTHER}:role/auditor"
    for read_first in (False, True):
        graph = open_live(accounts={OTHER: auditor})
        if read_first:
            graph.read_everything()
        for table, arn in other_account.items():
            assert getattr(graph, table).get(arn) is not None
        assert graph.principals.get(f"arn:aws:iam::{OTHER}:role/none") is None
        assert graph.not_read() == []


def test_objects_of_another_account_are_not_read_without_a_session(other_account):
    """Without `accounts`, objects of another account are not evaluated, and the reason names the option."""
    graph = open_live()
    graph.read_everything()
    for table, arn in other_account.items():
        with pytest.raises(NotReadError, match=f"account {OTHER} is not the cluster's; pass --account {OTHER}=ROLE"):
            getattr(graph, table).get(arn)
    assert len(graph.not_read()) == len(other_account)


def test_credentials_of_another_account_name_what_is_wrong(other_account, live_lab, monkeypatch, tmp_path):
    """A role that cannot be assumed, a missing profile, and a profile of a third account each say so."""
    config = tmp_path / "config"
    config.write_text(Path(live_lab.clients.environment()["AWS_CONFIG_FILE"]).read_text() + "\n[profile own]\n")
    reasons = {
        f"arn:aws:iam::{OTHER}:role/none": "AccessDenied: sts:AssumeRole",
        "none": "ProfileNotFound",
        "default": f"these credentials are of account {ACCOUNT}",
    }
    for credentials, reason in reasons.items():
        graph = open_live(accounts={OTHER: credentials})
        with pytest.raises(NotReadError, match=f"--account {OTHER}=.*{reason}"):
            graph.principals.get(other_account["principals"])


def test_cluster_of_another_account_needs_a_session_of_that_account(live_lab, tmp_path):
    """Credentials of another account than that of the context's cluster read nothing of AWS, and say which."""
    text = Path(live_lab.clients.environment()["KUBECONFIG"]).read_text()
    document = yaml.safe_load(text)
    (user,) = [user for user in document["users"] if user["name"].endswith("/eks-clu")]
    arn = user["name"].replace(ACCOUNT, OTHER)
    file = tmp_path / "config"
    file.write_text(text.replace(user["name"], arn))
    found = failures(open_live(kubeconfig=file, context="eks-clu"))
    assert "pods" not in found
    assert f"the AWS credentials are of account {ACCOUNT}, and the cluster is in account {OTHER}" in found["cluster"][0]


def test_pod_identity_agent_is_the_addon_the_daemon_set_or_auto_mode(live_lab):
    """The agent is there as an add-on or a DaemonSet, and else not."""
    addon = ("--cluster-name", "eks-clu", "--addon-name", "eks-pod-identity-agent")
    assert open_live().has_pod_identity_agent.get() is True
    live_lab.aws("eks", "delete-addon", *addon)
    try:
        assert open_live().has_pod_identity_agent.get() is False
        labels = {"app": "agent"}
        live_lab.apply({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "eks-pod-identity-agent", "namespace": "kube-system"},
            "spec": {"selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "busybox"}]}}},
        })  # fmt: skip
        assert open_live().has_pod_identity_agent.get() is True
        live_lab.kubectl("delete", "daemonset", "-n", "kube-system", "eks-pod-identity-agent")
    finally:
        live_lab.aws("eks", "create-addon", *addon)


def test_pages_of_kubernetes_and_iam_are_followed(live_lab, monkeypatch):
    """Objects beyond the first page of a listing are in the graph."""
    monkeypatch.setattr("eks_access.sources.live_kubernetes.PAGE", 7)
    listed = live_lab.get("clusterroles")["items"]
    graph = open_live()
    assert len([key for key in graph.rbac_roles.all() if key[0] is None]) == len(listed) > 7
