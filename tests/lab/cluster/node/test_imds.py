"""What an EC2 instance gives to the programs on it: IMDSv2, as far as the hop limit lets it travel."""

import json
import secrets

import httpx2
import pytest

from lab.interfaces import NodeGroup

ROLE = "arn:aws:iam::123456789012:role/eks/node-role"
WHO = "aws configure list"


def access_key(instance_id):
    """As the double of EC2 in conftest makes it."""
    return f"ASIA{instance_id[2:14].upper()}"


@pytest.fixture
def instance(add_node):
    """A node of a group of its own, and the node selector that leads to it."""

    def instance(hop_limit, role=ROLE):
        label = {"only": secrets.token_hex(4)}
        return add_node(group=NodeGroup("group", role, hop_limit=hop_limit, labels=label)), {"nodeSelector": label}

    return instance


@pytest.mark.parametrize(
    ("hop_limit", "host_network", "has_credentials"),
    [(2, False, True), (1, True, True), (1, False, False)],
)
def test_hop_limit(namespace, instance, hop_limit, host_network, has_credentials):
    """A pod with a network of its own gets the node role's credentials only where the hop limit is 2 or more."""
    node, selector = instance(hop_limit)
    output = namespace.shell("aws", WHO, image="amazon/aws-cli:2.17.0", hostNetwork=host_network, **selector)
    provider_id = namespace.kubectl("get", "node", node.name, "-o", "jsonpath={.spec.providerID}")
    key = access_key(provider_id.rpartition("/")[2])
    assert ("iam-role" in output and f"***{key[-4:]}" in output) is has_credentials
    assert ("<not set>" in output.split("access_key", 1)[1].splitlines()[0]) is not has_credentials


def test_a_role_that_ec2_cannot_assume(namespace, instance):
    """Without a trusting role the instance has no credentials, and neither have its pods."""
    _, selector = instance(2, role="arn:aws:iam::123456789012:role/untrusting")
    output = namespace.shell("aws", WHO, image="amazon/aws-cli", **selector)
    assert "<not set>" in output.split("access_key", 1)[1].splitlines()[0]


def test_entrypoint_and_arguments(namespace, instance):
    """`args` go to the image's entrypoint, as with Docker."""
    _, selector = instance(2)
    namespace.run(
        "version", image="public.ecr.aws/aws-cli/aws-cli:2", args=["--version"], restartPolicy="Never", **selector
    )
    namespace.wait("version", "{.status.phase}", "Succeeded")
    assert namespace.kubectl("logs", "version").startswith("aws-cli/")


def test_imds_protocol(namespace, instance):
    """IMDS wants a token that it gave, for 1 to 21,600 seconds, and says what the instance is."""
    node, selector = instance(2)
    endpoint = namespace.shell("endpoint", "printenv AWS_EC2_METADATA_SERVICE_ENDPOINT", **selector).strip()
    ttl, token = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
    with httpx2.Client(base_url=endpoint, trust_env=False) as imds:
        assert imds.get("/latest/meta-data/instance-id").status_code == 401
        assert imds.get("/latest/meta-data/instance-id", headers={token: "made-up"}).status_code == 401
        assert [imds.put("/latest/api/token", headers={ttl: str(n)}).status_code for n in (0, 21_601)] == [400, 400]
        assert imds.put("/latest/api/token").status_code == 400
        forwarded = {ttl: "60", "X-Forwarded-For": "10.0.0.1"}
        assert imds.put("/latest/api/token", headers=forwarded).status_code == 403
        imds.headers[token] = imds.put("/latest/api/token", headers={ttl: "60"}).text

        def read(path):
            return imds.get(f"/latest/{path}").text

        document = json.loads(read("dynamic/instance-identity/document"))
        assert document["instanceId"] == read("meta-data/instance-id")
        assert document["availabilityZone"] == read("meta-data/placement/availability-zone")
        assert document["region"] == read("meta-data/placement/region") == "ap-northeast-1"
        assert document["accountId"] == "123456789012"
        assert read("meta-data/local-hostname") == node.name
        assert read("meta-data/iam/security-credentials/") == "node-role"
        assert read("meta-data/placement").splitlines() == ["availability-zone", "region"]
        assert imds.get("/latest/meta-data/none").status_code == 404


def test_credentials_are_kept(namespace, instance, cluster):
    """EC2 is asked once for credentials that are good for hours, however many pods want them."""
    _, selector = instance(2)
    before = len(cluster.instance_roles.asked)
    for name in ("one", "two"):
        namespace.shell(name, WHO, image="amazon/aws-cli", **selector)
    assert len(cluster.instance_roles.asked) == before + 1
