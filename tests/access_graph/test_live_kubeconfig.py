"""The EKS cluster of a kubeconfig's context, and the context of a cluster."""

import pytest
import yaml

from eks_access.errors import UsageError
from eks_access.sources.live_kubeconfig import find_context

ARN = "arn:aws:eks:eu-west-1:111111111111:cluster/shop"
SERVER = "https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com"


def kubeconfig(name=ARN, command=("aws", "eks", "get-token", "--cluster-name", "shop"), server=SERVER, **variables):
    env = [{"name": key, "value": value} for key, value in variables.items()]
    api = "client.authentication.k8s.io/v1beta1"
    user = (
        {"exec": {"apiVersion": api, "command": command[0], "args": list(command[1:]), "env": env}} if command else {}
    )
    return {
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": user}],
        "current-context": name,
    }


@pytest.fixture
def write(tmp_path):
    def write(document, name="config"):
        file = tmp_path / name
        file.write_text(yaml.safe_dump(document))
        return file

    return write


AUTHENTICATOR = ("aws-iam-authenticator", "token", "-i", "shop")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (kubeconfig(), ("shop", "eu-west-1", "111111111111", None)),
        (kubeconfig("alias", ("aws", "--region", "eu-west-2", "eks", "get-token", "--cluster-name", "shop")),
         ("shop", "eu-west-2", None, None)),
        (kubeconfig("alias", ("aws", "--region=eu-west-2", "eks", "get-token", "--cluster-name=shop")),
         ("shop", "eu-west-2", None, None)),
        (kubeconfig("alias", AUTHENTICATOR), ("shop", "eu-west-1", None, None)),
        (kubeconfig("alias", ("aws-iam-authenticator", "token", "--cluster-id", "shop")),
         ("shop", "eu-west-1", None, None)),
        (kubeconfig("alias", AUTHENTICATOR, "https://127.0.0.1:6443", AWS_REGION="us-east-1"),
         ("shop", "us-east-1", None, None)),
        (kubeconfig("ann@shop.eu-north-1.eksctl.io", AUTHENTICATOR, "https://127.0.0.1"),
         ("shop", "eu-north-1", None, None)),
        (kubeconfig(command=()), ("shop", "eu-west-1", "111111111111", None)),
        (kubeconfig("alias", AWS_PROFILE="work"), ("shop", "eu-west-1", None, "work")),
        (kubeconfig("kind", (), "https://127.0.0.1:6443"), (None, None, None, None)),
        (kubeconfig("cn", AUTHENTICATOR, "https://0A.yl4.cn-north-1.eks.amazonaws.com.cn"),
         ("shop", "cn-north-1", None, None)),
        (kubeconfig("gov", AUTHENTICATOR, "https://0A.yl4.us-gov-west-1.eks.amazonaws.com"),
         ("shop", "us-gov-west-1", None, None)),
    ],
    ids=["update-kubeconfig", "alias", "equals-sign", "authenticator", "cluster-id", "region-variable", "eksctl",
         "client-certificate", "profile", "no-eks", "china", "gov-cloud"],
)  # fmt: skip
def test_context_tells_its_eks_cluster(write, document, expected):
    """The cluster's name, region, account and profile come from the token's command, the names and the server."""
    found = find_context(write(document), None)
    assert (found.cluster_name, found.region, found.account, found.profile) == expected


def merged(*documents):
    keys = ("clusters", "contexts", "users")
    return documents[0] | {key: [entry for document in documents for entry in document[key]] for key in keys}


def test_context_of_a_cluster_is_found_by_name_and_region(write):
    """With a cluster's name, its context is used, the current one first; a context of another region is not."""
    other = "arn:aws:eks:eu-west-1:111111111111:cluster/bank"
    bank = kubeconfig(other, ("aws", "eks", "get-token", "--cluster-name", "bank"))
    alias = kubeconfig("alias")
    file = write(merged(bank, kubeconfig(), alias))
    assert find_context(file, None).name == other
    assert find_context(file, None, "shop").name == ARN
    assert find_context(file, "alias", "shop").name == "alias"
    assert find_context(file, None, "shop", "us-east-1") is None
    assert find_context(file, None, "none") is None
    assert find_context(write(merged(alias, kubeconfig())), None, "shop").name == "alias"


def test_named_kubeconfig_is_used_where_its_context_tells_no_cluster(write, monkeypatch):
    """The current context of a kubeconfig that is named, such as one with client certificates, is used as it is."""
    file = write(kubeconfig("operator", (), "https://127.0.0.1:6443"))
    assert find_context(file, None, "shop").name == "operator"
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert find_context(None, None, "shop") is None


def test_kubeconfigs_merge_as_kubectl_merges_them(write, monkeypatch):
    """With several files in KUBECONFIG, the first one that has a name wins, and missing files do not matter."""
    one = write(kubeconfig("one"), "one")
    two = write(merged(kubeconfig("two"), kubeconfig("one", AUTHENTICATOR)), "two")
    monkeypatch.setenv("KUBECONFIG", f"{one}:{one.parent / 'missing'}:{two}")
    assert find_context(None, None).name == "one"
    assert find_context(None, "two").name == "two"
    assert find_context(None, "one").document["users"][0]["user"]["exec"]["command"] == "aws"


def test_file_without_current_context_is_used_as_kubectl_uses_it(write, monkeypatch):
    """The first file that has a current context decides; `--context` needs none."""
    document = kubeconfig()
    del document["current-context"]
    file = write(document)
    assert find_context(file, None) is None
    assert find_context(file, ARN).cluster_name == "shop"
    other = write({**kubeconfig("alias"), "current-context": ARN}, "other")
    empty = write({"apiVersion": "v1", "kind": "Config", "current-context": ""}, "empty")
    monkeypatch.setenv("KUBECONFIG", f"{empty}:{file}:{other}")
    assert find_context(None, None).name == ARN


def test_context_without_kubeconfig_is_none(monkeypatch, tmp_path):
    """Without a kubeconfig there is no context, and naming one is an error with a fix."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    assert find_context(None, None) is None
    with pytest.raises(UsageError, match="--context must be a context of a kubeconfig"):
        find_context(None, "shop")


def test_missing_file_context_and_unreadable_file_are_usage_errors(write, tmp_path):
    """A named file must exist and be a kubeconfig, and a named context must be in it. Messages have no content."""
    with pytest.raises(UsageError, match="--kubeconfig must be an existing file"):
        find_context(tmp_path / "missing", None)
    with pytest.raises(UsageError, match="--context must be one of alias in"):
        find_context(write(kubeconfig("alias")), "shop")
    broken = tmp_path / "broken"
    broken.write_text("token: [secret")
    with pytest.raises(UsageError, match="cannot be used") as raised:
        find_context(broken, None)
    assert "secret" not in str(raised.value)


def test_context_without_its_cluster_has_no_endpoint(write):
    """A context whose cluster the kubeconfig lacks has no API server, and is not an error before it is used."""
    document = kubeconfig("alias")
    assert find_context(write(document), None).endpoint().server == SERVER
    assert find_context(write(document | {"clusters": []}), None).endpoint() is None
