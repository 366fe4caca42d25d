"""A cluster's connection: validation of each value, and of their consistency."""

import json

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model import connections, kubeconfig, names
from eks_identity.model.statements import condition_key, condition_value

ARN = "arn:aws:eks:ap-northeast-1:111122223333:cluster/eks-clu"
CERTIFICATE = "Y2VydGlmaWNhdGU="
VALUES = {"arn": ARN, "name": "eks-clu", "region": "ap-northeast-1", "account_id": "111122223333", "partition": "aws"}


@pytest.mark.parametrize(
    "url", ["https://A1B2.gr7.ap-northeast-1.eks.amazonaws.com", "https://127.0.0.1:6443", "https://[::1]"]
)
def test_cluster_endpoint_accepts_https_url(url):
    """The host may be a name or an address."""
    assert connections.endpoint(url) == url


@pytest.mark.parametrize(
    "url", ["", "http://x", "x.eks.amazonaws.com", "https://", "https://x/api", "https://x y", None]
)
def test_cluster_endpoint_rejects_other_text(url):
    """Other schemes, paths and spaces are rejected."""
    with pytest.raises(InvalidInput, match=r"the https URL|a string"):
        connections.endpoint(url)


@pytest.mark.parametrize("data", ["", "-----BEGIN CERTIFICATE-----", "Y2Vyd", None])
def test_certificate_authority_must_be_base64(data):
    """The certificate authority must be base64 and not empty."""
    assert connections.certificate_authority(CERTIFICATE) == CERTIFICATE
    with pytest.raises(InvalidInput, match=r"base64|a string"):
        connections.certificate_authority(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "other"), ("region", "eu-west-1"), ("account_id", "444455556666"), ("partition", "aws-cn")],
)
def test_connection_rejects_values_of_another_cluster(field, value):
    """A value that differs from the ARN is rejected under its name; omitted values are not compared."""
    connections.require_same_cluster(VALUES)
    connections.require_same_cluster({key: other for key, other in VALUES.items() if key != field})
    with pytest.raises(InvalidInput) as error:
        connections.require_same_cluster({**VALUES, field: value})
    assert [problem.input for problem in error.value.problems] == [field]


def test_kubeconfig_must_have_a_cluster():
    """A kubeconfig without one is rejected, and its text, which may hold credentials, is not shown."""
    document = kubeconfig.kubeconfig(
        cluster_arn=ARN, cluster_name="c", endpoint="https://x", certificate_authority=CERTIFICATE, region="eu-west-1"
    )
    good = kubeconfig.dumps(document)
    assert kubeconfig.require_usable(good) == good
    assert kubeconfig.require_usable("# YAML\n" + good) == "# YAML\n" + good
    broken = [
        {**document, "current-context": "another"},
        {**document, "clusters": [{"name": "hunter2"}]},
        {**document, "contexts": None},
        ["hunter2"],
    ]
    for text in ("", "hunter2: [", *map(json.dumps, broken)):
        with pytest.raises(InvalidInput) as error:
            kubeconfig.require_usable(text)
        assert "hunter2" not in str(error.value.problems[0].value)
        assert error.value.problems[0].fix == "pass Cluster.kubeconfig"


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
def test_names_of_aws_resources_are_validated(check, good, bad):
    """Names that AWS accepts are accepted, and names that AWS rejects later are rejected."""
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
def test_condition_value_depends_on_operator(test, good, bad):
    """Each operator accepts only values of its type; an empty string is a string."""
    assert [condition_value(test, value) for value in good] == good
    for value in bad:
        with pytest.raises(InvalidInput):
            condition_value(test, value)


def test_condition_key_has_service_or_issuer():
    """A key has a prefix with its service or issuer; keys of tags may have spaces."""
    for key in ("s3:prefix", "aws:ResourceTag/my team", "oidc.eks.eu-west-1.amazonaws.com/id/X:sub"):
        assert condition_key(key) == key
    for key in ("", "prefix", ":x", "s3:", "s3: "):
        with pytest.raises(InvalidInput, match="a condition key"):
            condition_key(key)
