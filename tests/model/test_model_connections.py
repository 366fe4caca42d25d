"""A cluster's connection: each value by itself, and all of them of one cluster."""

import json

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model import connections, kubeconfig, names
from eks_identity.model.statements import condition_key, condition_value

ARN = "arn:aws:eks:ap-northeast-1:111122223333:cluster/eks-clu"
CERTIFICATE = "Y2VydGlmaWNhdGU="
SAID = {"arn": ARN, "name": "eks-clu", "region": "ap-northeast-1", "account_id": "111122223333", "partition": "aws"}


@pytest.mark.parametrize(
    "url", ["https://A1B2.gr7.ap-northeast-1.eks.amazonaws.com", "https://127.0.0.1:6443", "https://[::1]"]
)
def test_endpoints(url):
    """The API server's https URL, also by an address."""
    assert connections.endpoint(url) == url


@pytest.mark.parametrize(
    "url", ["", "http://x", "x.eks.amazonaws.com", "https://", "https://x/api", "https://x y", None]
)
def test_what_is_no_endpoint(url):
    """Everything else is refused."""
    with pytest.raises(InvalidInput, match=r"the https URL|a string"):
        connections.endpoint(url)


@pytest.mark.parametrize("data", ["", "-----BEGIN CERTIFICATE-----", "Y2Vyd", None])
def test_what_is_no_certificate_authority(data):
    """It is base64, and says something."""
    assert connections.certificate_authority(CERTIFICATE) == CERTIFICATE
    with pytest.raises(InvalidInput, match=r"base64|a string"):
        connections.certificate_authority(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "other"), ("region", "eu-west-1"), ("account_id", "444455556666"), ("partition", "aws-cn")],
)
def test_all_values_are_of_one_cluster(field, value):
    """One that the ARN says otherwise is refused under its name; what is not known yet is not compared."""
    connections.require_one_cluster(SAID)
    connections.require_one_cluster({key: said for key, said in SAID.items() if key != field})
    with pytest.raises(InvalidInput) as refused:
        connections.require_one_cluster({**SAID, field: value})
    assert [problem.input for problem in refused.value.problems] == [field]


def test_a_kubeconfig_leads_to_a_cluster():
    """One that does not is refused, and none of its text is shown, which may hold credentials."""
    document = kubeconfig.kubeconfig(
        cluster_arn=ARN, cluster_name="c", endpoint="https://x", certificate_authority=CERTIFICATE, region="eu-west-1"
    )
    good = kubeconfig.dumps(document)
    assert kubeconfig.usable(good) == good
    assert kubeconfig.usable("# YAML\n" + good) == "# YAML\n" + good
    broken = [
        {**document, "current-context": "another"},
        {**document, "clusters": [{"name": "hunter2"}]},
        {**document, "contexts": None},
        ["hunter2"],
    ]
    for text in ("", "hunter2: [", *map(json.dumps, broken)):
        with pytest.raises(InvalidInput) as refused:
            kubeconfig.usable(text)
        assert "hunter2" not in str(refused.value.problems[0].value)
        assert refused.value.problems[0].fix == "pass Cluster.kubeconfig"


NAMES = [
    (
        names.region,
        ["ap-northeast-1", "us-gov-west-1", "cn-north-1"],
        ["", "Tokyo", "ap-northeast-1a", "ap_northeast_1"],
    ),
    (names.profile, ["default", "my team"], ["", " x", "x ", "[x]", "a\nb"]),
    (names.launch_template_prefix, ["abc", "a.b/(c)-_", "x" * 99], ["", "ab", "x" * 100, "a b c", "é-é"]),
    (names.disk_device, ["/dev/xvda", "/dev/sda1", "xvdba", "/dev/sdf"], ["", "/dev/", "disk", "/dev/nvme0n1"]),
    (names.addon, ["vpc-cni", "kubecost_kubecost"], ["", " vpc-cni", "vpc cni", "a/b"]),
    (names.addon_version, ["v1.53.0-eksbuild.1"], ["", "latest", "v1.53.0 "]),
]


@pytest.mark.parametrize(("check", "good", "bad"), NAMES, ids=[each[0].__name__ for each in NAMES])
def test_names(check, good, bad):
    """What AWS takes, and what it would refuse later."""
    assert [check(text) for text in good] == good
    for text in bad:
        with pytest.raises(InvalidInput):
            check(text)


CONDITIONS = [
    ("StringEquals", ["", "home/", "${aws:username}"], []),
    ("ForAnyValue:StringLikeIfExists", ["a*"], []),
    ("Bool", ["true", "False"], ["", "yes"]),
    ("Null", ["true"], ["", "null"]),
    ("NumericLessThanEquals", ["3600", "-1", "0.5"], ["", "many"]),
    ("DateGreaterThan", ["2030-01-01T00:00:00Z", "1900000000"], ["", "tomorrow"]),
    ("NotIpAddress", ["203.0.113.0/24", "2001:db8::/32"], ["", "office"]),
    ("ArnLike", ["arn:aws:s3:::*", "*"], [""]),
    ("BinaryEquals", ["QmluYXJ5"], ["", "?"]),
]


@pytest.mark.parametrize(("test", "good", "bad"), CONDITIONS, ids=[each[0] for each in CONDITIONS])
def test_condition_values(test, good, bad):
    """An operator that compares no strings has values of its kind alone; an empty string is a string."""
    assert [condition_value(test, value) for value in good] == good
    for value in bad:
        with pytest.raises(InvalidInput):
            condition_value(test, value)


def test_condition_keys():
    """A key has its service or issuer in front; tags' keys may have spaces."""
    for key in ("s3:prefix", "aws:ResourceTag/my team", "oidc.eks.eu-west-1.amazonaws.com/id/X:sub"):
        assert condition_key(key) == key
    for key in ("", "prefix", ":x", "s3:", "s3: "):
        with pytest.raises(InvalidInput, match="a condition key"):
            condition_key(key)
