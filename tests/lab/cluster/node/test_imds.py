"""IMDSv2 of a node: hop limit, node role credentials and metadata."""

import json
import secrets

import httpx2
import pytest

from lab.interfaces import NodeGroup

ROLE = "arn:aws:iam::123456789012:role/eks/node-role"
SHOW_CREDENTIALS = "aws configure list"


def access_key(instance_id):
    """Return the access key that the fake of EC2 in conftest creates."""
    return f"ASIA{instance_id[2:14].upper()}"


@pytest.fixture
def instance(add_node):
    """Return a function that starts a node in its own node group and returns it with its node selector."""

    def instance(hop_limit, role=ROLE):
        label = {"only": secrets.token_hex(4)}
        return add_node(group=NodeGroup("group", role, hop_limit=hop_limit, labels=label)), {"nodeSelector": label}

    return instance


@pytest.mark.parametrize(
    ("hop_limit", "host_network", "has_credentials"),
    [(2, False, True), (1, True, True), (1, False, False)],
)
def test_hop_limit_decides_access_to_node_role_credentials(
    namespace, instance, hop_limit, host_network, has_credentials
):
    """A pod without hostNetwork gets the node role's credentials only if the hop limit is 2 or more."""
    node, selector = instance(hop_limit)
    output = namespace.shell(
        "aws", SHOW_CREDENTIALS, image="amazon/aws-cli:2.17.0", hostNetwork=host_network, **selector
    )
    provider_id = namespace.kubectl("get", "node", node.name, "-o", "jsonpath={.spec.providerID}")
    key = access_key(provider_id.rpartition("/")[2])
    assert ("iam-role" in output and f"***{key[-4:]}" in output) is has_credentials
    assert ("<not set>" in output.split("access_key", 1)[1].splitlines()[0]) is not has_credentials


def test_node_role_that_ec2_cannot_assume_gives_no_credentials(namespace, instance):
    """If the role does not trust EC2, the instance and its pods have no credentials."""
    _, selector = instance(2, role="arn:aws:iam::123456789012:role/untrusting")
    output = namespace.shell("aws", SHOW_CREDENTIALS, image="amazon/aws-cli", **selector)
    assert "<not set>" in output.split("access_key", 1)[1].splitlines()[0]


def test_args_are_passed_to_the_image_entrypoint(namespace, instance):
    """`args` of a container replace the image's cmd, as with Docker."""
    _, selector = instance(2)
    namespace.run(
        "version", image="public.ecr.aws/aws-cli/aws-cli:2", args=["--version"], restartPolicy="Never", **selector
    )
    namespace.wait("version", "{.status.phase}", "Succeeded")
    assert namespace.kubectl("logs", "version").startswith("aws-cli/")


def test_imds_requires_a_session_token(namespace, instance):
    """The lifetime of a token is 1 to 21,600 seconds, and the metadata describes the instance."""
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


def test_node_role_credentials_are_cached(namespace, instance, cluster):
    """EC2 assumes the role once for several pods, because its credentials are valid for hours."""
    _, selector = instance(2)
    before = len(cluster.instance_roles.calls)
    for name in ("one", "two"):
        namespace.shell(name, SHOW_CREDENTIALS, image="amazon/aws-cli", **selector)
    assert len(cluster.instance_roles.calls) == before + 1
