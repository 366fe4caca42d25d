"""Malformed requests of every EKS operation: AWS's 400 forms, and never a 500."""

import json
import random
from urllib.parse import quote

import pytest
from moto.core.utils import camelcase_to_underscores, get_service_model

from lab.cloud.eks import EksResponse
from support.eks_constants import ACCOUNT, EVERYTHING, QUICK, REGION, trust
from support.response_validation import sample
from support.signed_requests import SignedHttp

MODEL = get_service_model("eks")
IMPLEMENTED = [name for name in MODEL.operation_names if hasattr(EksResponse, camelcase_to_underscores(name))]
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
CREATE_ENTRY = "/clusters/eks-clu/access-entries"
SEED = 20261130
MAX_URL_VALUE = 5_000
"""Characters. HTTP servers reject a URL of more than 64 KiB before EKS reads it."""
JUNK = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**31,
    10**40,
    "",
    " ",
    "x" * 70_000,
    "\0",
    "\u202e\U0001f600",
    "a\n",
    "../..",
    "%s{}$",
    [],
    [None],
    [[[]]],
    ["x"],
    [1],
    {},
    {"x": None},
    {"": ""},
    {"key": {"key": []}},
)
"""Values of wrong types and sizes that take the place of a member or of a part of one."""


@pytest.fixture
def http(lab):
    return SignedHttp(lab.access, lab.administrator, region=REGION)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"\xff\xfe",
        b'{"principalArn": NaN}',
        b'{"principalArn": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 10_000,
        b"principalArn=x&Action=DeleteCluster",
    ],
)
def test_body_that_is_not_a_json_object_is_rejected(http, make_cluster, body):
    """A body that is not a JSON object is a SerializationException, with any content type."""
    make_cluster()
    for content_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = http.send("POST", CREATE_ENTRY, body, content_type=content_type)
        assert (response.status, response.code) == (400, "SerializationException"), response
        assert response.message


@pytest.mark.parametrize(
    ("members", "message_part"),
    [
        ({"principalArn": 7}, "principalArn: NUMBER_VALUE can not be converted to a String"),
        ({"principalArn": ["x"]}, "principalArn: START_ARRAY can not be converted to a String"),
        ({"principalArn": {}}, "principalArn: START_OBJECT can not be converted to a String"),
        ({"kubernetesGroups": "x"}, "kubernetesGroups: STRING_VALUE can not be converted to a list"),
        ({"kubernetesGroups": {"x": "y"}}, "kubernetesGroups: START_OBJECT can not be converted to a list"),
        ({"kubernetesGroups": [None]}, "kubernetesGroups[0]: NULL_VALUE can not be converted to a String"),
        ({"tags": ["x"]}, "tags: START_ARRAY can not be converted to a map"),
        ({"tags": {"x": 1}}, "tags.x: NUMBER_VALUE can not be converted to a String"),
        ({"tags": {"x": None}}, "tags.x: NULL_VALUE can not be converted to a String"),
    ],
)
def test_member_of_another_type_is_rejected(http, make_cluster, members, message_part):
    """A member of another JSON type than the model's is a SerializationException that names it."""
    make_cluster()
    response = http.send("POST", CREATE_ENTRY, {"principalArn": USER, **members})
    assert (response.status, response.code) == (400, "SerializationException")
    assert response.message == message_part


def test_boolean_and_integer_members_are_not_converted(http, lab, make_cluster, node_role):
    """Text, numbers and fractions are no booleans and integers, in the body and in the query."""
    make_cluster()
    config = "/clusters/eks-clu/update-config"
    groups = "/clusters/eks-clu/node-groups"
    group = {"nodegroupName": "ng", "nodeRole": node_role, "subnets": lab.subnets()}
    requests = [
        ("POST", config, {"deletionProtection": "true"}),
        ("POST", config, {"deletionProtection": 1}),
        *(("POST", groups, {**group, "diskSize": size}) for size in ("20", 20.5, True, 2**31, 10**40)),
        ("DELETE", "/clusters/eks-clu/addons/coredns?preserve=yes", b""),
        *(("GET", f"{groups}?maxResults={text}", b"") for text in ("x", "1.5", "", "9" * 30, "1&maxResults=2")),
    ]
    for method, path, body in requests:
        response = http.send(method, path, body)
        assert (response.status, response.code) == (400, "SerializationException"), (path, body, response)


def test_null_members_and_unknown_members_are_ignored(http, lab, make_cluster):
    """Like AWS, EKS ignores members that are null and members that the model lacks."""
    make_cluster()
    lab.user("eks-ope")
    body = {"principalArn": USER, "username": None, "kubernetesGroups": None, "colour": "red"}
    response = http.send("POST", CREATE_ENTRY, body)
    assert response.status == 200
    assert json.loads(response.body)["accessEntry"]["username"] == USER


def test_path_encodings(http, make_cluster):
    """A value in the path is decoded once. One that is not UTF-8 is rejected, and an unknown path is a 404."""
    make_cluster()
    assert http.send("GET", "/clusters/eks%2Dclu").status == 200
    assert http.send("GET", "/clusters/eks%252Dclu").code == "ResourceNotFoundException"
    for path in ("/clusters/%FF", "/clusters/%C3%28/addons"):
        assert (http.send("GET", path).status, http.send("GET", path).code) == (400, "SerializationException")
    for method, path in (("PUT", "/clusters"), ("GET", "/nothing"), ("PATCH", "/")):
        response = http.send(method, path)
        assert (response.status, response.code) == (404, "UnknownOperationException"), (method, path, response)


@pytest.mark.parametrize("parameter", ["Action=DeleteCluster", "Action=ListClusters&name=x"])
def test_query_does_not_change_the_operation(http, make_cluster, parameter):
    """The method and the path name the operation. A parameter `Action` does not."""
    make_cluster()
    response = http.send("GET", f"/clusters/eks-clu?{parameter}")
    assert json.loads(response.body)["cluster"]["status"] == "ACTIVE"


@pytest.mark.parametrize("operation", [name for name in IMPLEMENTED if name.startswith("List")])
def test_page_parameters_are_checked(http, make_cluster, operation):
    """maxResults outside of 1 to 100 and tokens of no page are a 400 in every operation with pages."""
    make_cluster()
    model = MODEL.operation_model(operation)
    if "nextToken" not in model.input_shape.members or model.http["method"] != "GET":
        return
    path = model.http["requestUri"].replace("{name}", "eks-clu").replace("{principalArn}", quote(USER, safe=""))
    for query in ("maxResults=0", "maxResults=-1", "maxResults=101"):
        response = http.send("GET", f"{path}?{query}")
        assert response.status == 400, (query, response)
        assert "at 'maxResults' failed to satisfy constraint" in response.message
    for token in ("%21", "%C3%A9", "gA==", "a", "A" * 3):
        response = http.send("GET", f"{path}?nextToken={token}")
        assert 400 <= response.status < 500, (token, response)


def test_required_members_are_checked(http, make_cluster):
    """A missing member that the model requires is a 400 that names it, in every operation with a body."""
    make_cluster()
    checked = 0
    for name in IMPLEMENTED:
        model = MODEL.operation_model(name)
        members = model.input_shape.members
        required = [member for member in model.input_shape.required_members if not members[member].serialization]
        if not required:
            continue
        response = http.send(model.http["method"], fill_path(model, REALISTIC, "x"), {})
        assert response.status == 400, (name, response)
        for member in required:
            assert f"at '{member}' failed to satisfy constraint: Member must not be null" in response.message
        checked += 1
    assert checked == 9


def fill_path(model, values, default):
    """Return the operation's path with the values of its labels, and its query."""
    path, query = model.http["requestUri"], []
    for member, shape in model.input_shape.members.items():
        location, name = shape.serialization.get("location"), shape.serialization.get("name", member)
        value = values.get(member, default)
        text = quote(value[:MAX_URL_VALUE] if isinstance(value, str) and value else default, safe="")
        if location == "uri":
            path = path.replace(f"{{{name}}}", text)
        elif location == "querystring" and member in values:
            query.append(f"{name}={text}")
    return f"{path}?{'&'.join(query)}" if query else path


def mutated(value, randomness):
    """Return a copy of a JSON value in which one part is junk."""
    if isinstance(value, dict) and value and randomness.random() < 0.8:
        key = randomness.choice(sorted(value))
        return {**value, key: mutated(value[key], randomness)}
    if isinstance(value, list) and value and randomness.random() < 0.6:
        return [mutated(value[0], randomness), *value[1:]]
    return randomness.choice(JUNK)


REALISTIC = {
    "name": "eks-clu",
    "clusterName": "eks-clu",
    "principalArn": USER,
    "nodegroupName": "ng",
    "addonName": "vpc-cni",
    "addonVersion": "v1.21.1-eksbuild.1",
    "fargateProfileName": "fp",
    "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    "resourceArn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
    "policy": EVERYTHING,
    "configurationValues": '{"env": {"A": "1"}}',
    "version": "1.37",
    "releaseVersion": "1.37.2-20261101",
    "username": "ope",
    "type": "STANDARD",
}


@pytest.mark.parametrize("operation", [name for name in MODEL.operation_names if name != "DeleteCluster"])
def test_mutated_input_is_never_a_server_error(lab, http, client, make_cluster, node_role, pod_role, operation):
    """Twelve mutations of a valid input of each operation are a success or a client's error.

    The seed is fixed. Every response of an error is JSON with a message.
    """
    name = make_cluster()
    lab.user("eks-ope")
    client.create_access_entry(clusterName=name, principalArn=USER)
    client.create_addon(clusterName=name, addonName="vpc-cni")
    client.get_waiter("addon_active").wait(clusterName=name, addonName="vpc-cni", WaiterConfig=QUICK)
    roles = {
        "roleArn": lab.role("fuzz", trust("eks.amazonaws.com", "pods.eks.amazonaws.com")),
        "nodeRole": node_role,
        "serviceAccountRoleArn": pod_role,
        "podExecutionRoleArn": lab.role("fargate", trust("eks-fargate-pods.amazonaws.com")),
        "resourcesVpcConfig": {"subnetIds": lab.subnets()},
        "subnets": lab.subnets(),
    }
    model = MODEL.operation_model(operation)
    randomness = random.Random(f"{SEED}-{operation}")  # noqa: S311 - not for security
    valid = {
        member: (REALISTIC | roles).get(member, sample(shape)) for member, shape in model.input_shape.members.items()
    }
    for _ in range(12):
        params = mutated({key: valid[key] for key in valid if randomness.random() < 0.7}, randomness)
        values = params if isinstance(params, dict) else {}
        in_url = {member for member, shape in model.input_shape.members.items() if shape.serialization}
        body = {key: value for key, value in values.items() if key not in in_url}
        path = fill_path(model, {**valid, **values} if randomness.random() < 0.7 else values, "eks-clu")
        response = http.send(model.http["method"], path, body if isinstance(params, dict) else params)
        assert response.status < 500, (path, body, response)
        if response.status >= 400:
            assert response.code, response
            assert response.message, response
