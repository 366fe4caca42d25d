"""No silent success: members and operations that the lab does not implement fail and name themselves."""

from fnmatch import fnmatchcase

import pytest
from moto.core.utils import camelcase_to_underscores, get_service_model

from lab.cloud.eks import EksAuthResponse, EksResponse
from lab.cloud.eks.unsupported_members import UNSUPPORTED, UNSUPPORTED_VALUES, WITHOUT_EFFECT
from support.eks_constants import REGION
from support.response_validation import sample
from support.signed_requests import SignedHttp

MODEL = get_service_model("eks")
AUTH_MODEL = get_service_model("eks-auth")
IMPLEMENTED = [name for name in MODEL.operation_names if hasattr(EksResponse, camelcase_to_underscores(name))]
MEMBERS = [(name, member) for name in IMPLEMENTED for member in MODEL.operation_model(name).input_shape.members]


def find_rows(table, operation):
    return {member: row for (operations, member), row in table.items() if fnmatchcase(operation, operations)}


@pytest.fixture
def http(lab):
    return SignedHttp(lab.access, lab.administrator, region=REGION)


def send(http, operation, values):
    """Send the operation with these members, and with the smallest valid value of each required one."""
    model = MODEL.operation_model(operation)
    members = model.input_shape.members
    values = {name: sample(members[name]) for name in model.input_shape.required_members} | values
    path, query, body = model.http["requestUri"], [], {}
    for member, value in values.items():
        location, name = (members[member].serialization.get(key) for key in ("location", "name"))
        if location == "uri":
            path = path.replace(f"{{{name}}}", str(value))
        elif location == "querystring":
            query.append(f"{name}={value}")
        else:
            body[member] = value
    return http.send(model.http["method"], f"{path}?{'&'.join(query)}", body)


@pytest.mark.parametrize(
    ("operation", "member"), [(name, member) for name, member in MEMBERS if member in find_rows(UNSUPPORTED, name)]
)
def test_unsupported_member_is_rejected_by_name(http, operation, member):
    """A request with a member that the lab does not implement fails, and the message has the member and the reason."""
    value = sample(MODEL.operation_model(operation).input_shape.members[member])
    response = send(http, operation, {member: value})
    reason = find_rows(UNSUPPORTED, operation)[member]
    assert response.status == 400, response
    assert f"The lab does not implement {member} of eks:{operation}: {reason}" in response.message


@pytest.mark.parametrize("operation", ["CreateCluster", "UpdateClusterConfig"])
def test_unsupported_value_is_rejected_by_name(http, operation):
    """A value of an enum that the lab does not implement fails, and the message names it."""
    shape = MODEL.operation_model(operation).input_shape
    for path, (implemented, _) in find_rows(UNSUPPORTED_VALUES, operation).items():
        parent, member = path.split(".")
        for value in shape.members[parent].members[member].enum:
            message = send(http, operation, {parent: {member: value}}).message
            assert (f"does not implement {path} {value}" in message) is (value != implemented), message


def test_tables_name_members_of_the_model():
    """Each row has an operation and a member that exist, so that a renamed member is noticed."""
    members = {(name, path) for name, path in MEMBERS}
    members |= {
        (name, f"{member}.{nested}")
        for name, member in MEMBERS
        for nested in getattr(MODEL.operation_model(name).input_shape.members[member], "members", ())
    }
    auth = "AssumeRoleForPodIdentity"
    members |= {(auth, member) for member in AUTH_MODEL.operation_model(auth).input_shape.members}
    for operations, path in (*UNSUPPORTED, *UNSUPPORTED_VALUES, *WITHOUT_EFFECT):
        assert any(fnmatchcase(name, operations) and path == member for name, member in members), (operations, path)


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - set(IMPLEMENTED)))
def test_unimplemented_operation_is_rejected_by_name(http, operation):
    """An operation that the lab does not implement fails and names itself."""
    response = send(http, operation, {})
    assert response.status in {400, 501}, response
    assert f"The lab does not implement eks:{operation}" in response.message


def test_false_is_no_use_of_an_unsupported_member(client, make_cluster, expect_error):
    """A flag that is false is the default, and is accepted."""
    target = {"clusterName": make_cluster(), "nodegroupName": "missing"}
    assert expect_error("update_nodegroup_version", **target, force=False)[0] == "ResourceNotFoundException"
    code, message = expect_error("update_nodegroup_version", **target, force=True)
    assert (code, "does not implement force" in message) == ("InvalidParameterException", True)


def test_all_operations_of_eks_auth_are_implemented():
    """EKS Auth has no operation that the lab lacks."""
    names = AUTH_MODEL.operation_names
    assert [name for name in names if not hasattr(EksAuthResponse, camelcase_to_underscores(name))] == []
