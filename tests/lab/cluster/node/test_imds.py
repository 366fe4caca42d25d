"""IMDSv2 of a node: hop limit, node role credentials and metadata."""

import json
import secrets
import shlex
import subprocess
import sys

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


METADATA_PROGRAM = """
import json, os, httpx2
ttl, token = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
with httpx2.Client(base_url=os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"], trust_env=False) as imds:
    def put(**headers):
        return imds.put("/latest/api/token", headers=headers)
    def get(path):
        return imds.get(f"/latest/{path}")
    statuses = {
        "no token": get("meta-data/instance-id").status_code,
        "made-up token": imds.get("/latest/meta-data/instance-id", headers={token: "made-up"}).status_code,
        "lifetimes": [put(**{ttl: str(n)}).status_code for n in (0, 21_601)],
        "no lifetime": put().status_code,
        "forwarded": put(**{ttl: "60", "X-Forwarded-For": "10.0.0.1"}).status_code,
    }
    imds.headers[token] = put(**{ttl: "60"}).text
    statuses["unknown path"] = get("meta-data/none").status_code
    paths = ["instance-id", "placement/availability-zone", "placement/region", "local-hostname", "placement"]
    paths.append("iam/security-credentials/")
    metadata = {path: get(f"meta-data/{path}").text for path in paths}
    print(json.dumps([statuses, metadata, get("dynamic/instance-identity/document").json()]))
"""


def test_imds_requires_a_session_token(namespace, instance):
    """The lifetime of a token is 1 to 21,600 seconds, and the metadata describes the instance."""
    node, selector = instance(2)
    output = namespace.shell("reads", shlex.join([sys.executable, "-c", METADATA_PROGRAM]), **selector)
    statuses, metadata, document = json.loads(output)
    assert statuses == {
        "no token": 401,
        "made-up token": 401,
        "lifetimes": [400, 400],
        "no lifetime": 400,
        "forwarded": 403,
        "unknown path": 404,
    }
    assert document["instanceId"] == metadata["instance-id"]
    assert document["availabilityZone"] == metadata["placement/availability-zone"]
    assert document["region"] == metadata["placement/region"] == "ap-northeast-1"
    assert document["accountId"] == "123456789012"
    assert metadata["local-hostname"] == node.name
    assert metadata["iam/security-credentials/"] == "node-role"
    assert metadata["placement"].splitlines() == ["availability-zone", "region"]


def test_node_role_credentials_are_cached(namespace, instance, cluster):
    """EC2 assumes the role once for several pods, because its credentials are valid for hours."""
    _, selector = instance(2)
    before = len(cluster.instance_roles.calls)
    for name in ("one", "two"):
        namespace.shell(name, SHOW_CREDENTIALS, image="amazon/aws-cli", **selector)
    assert len(cluster.instance_roles.calls) == before + 1


def token_request(endpoint):
    """Return a shell command that prints the status of IMDS's response to a request for a token."""
    script = """
import sys, urllib.error, urllib.request
headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
request = urllib.request.Request(sys.argv[1] + "/latest/api/token", method="PUT", headers=headers)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(opener.open(request).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
    return f"{shlex.join([sys.executable, '-I', '-c', script])} {endpoint}"


def test_imds_responds_to_pods_of_its_node_only(namespace, add_node):
    """A pod of another node, a pod at the endpoint of pods with hostNetwork, and other processes get no token."""
    nodes = {name: {"nodeSelector": {"node": name}} for name in ("a", "b")}
    for name in nodes:
        add_node(group=NodeGroup(name, ROLE, labels={"node": name}))
    own = "$AWS_EC2_METADATA_SERVICE_ENDPOINT"
    a, b = (namespace.shell(f"shows-{name}", f"echo {own}", **spec).strip() for name, spec in nodes.items())
    host = namespace.shell("shows-host", f"echo {own}", hostNetwork=True, **nodes["a"]).strip()
    script = "\n".join(map(token_request, (own, a, b, host)))
    of_pod = namespace.shell("queries", script, **nodes["a"])
    of_host_pod = namespace.shell("queries-host", script, hostNetwork=True, **nodes["a"])
    of_machine = subprocess.run(["sh", "-c", token_request(a)], capture_output=True, text=True, check=True).stdout
    assert of_pod.split() == ["200", "200", "403", "403"]
    assert of_host_pod.split() == ["200", "403", "403", "200"]
    assert of_machine.split() == ["403"]
