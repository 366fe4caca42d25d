"""The requests of the live source to the API server and to IAM, and its reading of what they return."""

from types import SimpleNamespace

import httpx2
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from lightkube.core.exceptions import ApiError
from lightkube.models.authorization_v1 import SubjectAccessReviewStatus

from eks_access.graph.services import AccessReview, ReviewedUser, Simulation
from eks_access.graph.tables import NotReadError
from eks_access.sources.live_accounts import Accounts
from eks_access.sources.live_connection import Connection
from eks_access.sources.live_services import LiveServices
from eks_identity.evaluation.rbac import Request
from support.workload_chains import ACCOUNT, ACTION, RESOURCE, ROLE_ARN

USER = ReviewedUser("eks-ope", ("operators",), "uid", {"principalId": ("AIDAEXAMPLE",)})


class ApiServer(Connection):
    """A connection whose client returns one status, or raises one error."""

    def __init__(self, status=None, error=None):
        self.status, self.error = status, error

    def client(self):
        return self

    def create(self, review):
        self.spec = review.spec
        if self.error is not None:
            raise self.error
        return SimpleNamespace(status=self.status)


def review(server, request=None):
    return LiveServices(server, None).review_access(USER, request or Request("get", "pods/log", "default"))


def forbidden(code=403):
    body = {"kind": "Status", "code": code, "message": "text", "reason": "Forbidden"}
    response = httpx2.Response(code, json=body, request=httpx2.Request("POST", "https://127.0.0.1"))
    return ApiError(response=response)


def test_review_has_the_user_and_the_request():
    """The spec has username, groups, uid, extra, and the subresource by itself."""
    server = ApiServer(SubjectAccessReviewStatus(allowed=True, reason="RBAC"))
    assert review(server) == AccessReview(is_allowed=True, reason="RBAC")
    spec = server.spec
    assert (spec.user, spec.groups, spec.uid) == ("eks-ope", ["operators"], "uid")
    assert spec.extra == {"principalId": ["AIDAEXAMPLE"]}
    attributes = spec.resourceAttributes
    assert (attributes.resource, attributes.subresource, attributes.namespace) == ("pods", "log", "default")


def test_review_of_a_path():
    """A path of the API server is a non-resource request."""
    server = ApiServer(SubjectAccessReviewStatus(allowed=False, denied=True))
    assert review(server, Request("get", "/healthz")) == AccessReview(is_allowed=False, is_denied=True)
    assert server.spec.resourceAttributes is None
    assert server.spec.nonResourceAttributes.path == "/healthz"


FAILURES = {
    "not permitted": (ApiServer(error=forbidden()), "Forbidden: create subjectaccessreviews.authorization.k8s.io"),
    "not accepted": (ApiServer(error=forbidden(401)), "Unauthorized"),
    "not reachable": (ApiServer(error=httpx2.ConnectError("refused")), "ConnectError: refused"),
    "not evaluated": (ApiServer(SubjectAccessReviewStatus(allowed=False, evaluationError="webhook")), "webhook"),
    "no status": (ApiServer(), "no status"),
}


@pytest.mark.parametrize(("server", "reason"), FAILURES.values(), ids=FAILURES)
def test_review_without_an_answer(server, reason, monkeypatch):
    """The reason says why the API server did not answer."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    with pytest.raises(NotReadError, match=reason):
        review(server)


class Iam:
    """A session whose client of IAM returns one result, or raises one error."""

    def __init__(self, result=None, error=None):
        self.result, self.error = result, error

    def client(self, *_, **__):
        return self

    def simulate_principal_policy(self, **request):
        self.request = request
        if self.error is not None:
            raise self.error
        return {"EvaluationResults": [self.result], "IsTruncated": False}


def simulate(iam):
    aws = Accounts({ACCOUNT: iam}, "eu-west-1", ACCOUNT, {})
    return LiveServices(None, aws).simulate(ROLE_ARN, ACTION, RESOURCE, {"aws:PrincipalArn": ROLE_ARN})


ON_ALL = {
    "EvalActionName": ACTION,
    "EvalResourceName": "*",
    "EvalDecision": "allowed",
    "MatchedStatements": [{"SourcePolicyId": "own", "SourcePolicyType": "IAM Policy"}] * 2,
    "MissingContextValues": ["aws:SourceVpc"],
}
SPECIFIC = {
    "EvalResourceName": RESOURCE,
    "EvalResourceDecision": "implicitDeny",
    "MatchedStatements": [],
    "MissingContextValues": ["aws:SourceIp"],
    "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
}
RESULTS = {
    "all resources": (ON_ALL, Simulation("allowed", ("own",), ("aws:SourceVpc",))),
    "one resource": (
        {**ON_ALL, "ResourceSpecificResults": [SPECIFIC]},
        Simulation("implicitDeny", (), ("aws:SourceVpc", "aws:SourceIp"), is_allowed_by_boundary=False),
    ),
    "organization": (
        {**ON_ALL, "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}, "EvalDecision": "implicitDeny"},
        Simulation("implicitDeny", ("own",), ("aws:SourceVpc",), is_allowed_by_organization=False),
    ),
}


@pytest.mark.parametrize(("result", "simulation"), RESULTS.values(), ids=RESULTS)
def test_simulation_result(result, simulation):
    """The result on the resource comes before that on all; missing keys are those of both."""
    iam = Iam(result)
    assert simulate(iam) == simulation
    assert (iam.request["PolicySourceArn"], iam.request["ResourceArns"]) == (ROLE_ARN, [RESOURCE])
    entry = {"ContextKeyName": "aws:PrincipalArn", "ContextKeyValues": [ROLE_ARN], "ContextKeyType": "string"}
    assert iam.request["ContextEntries"] == [entry]


def error(code):
    return ClientError({"Error": {"Code": code, "Message": "text"}}, "SimulatePrincipalPolicy")


IAM_FAILURES = {
    "not permitted": (error("AccessDenied"), "AccessDenied: iam:SimulatePrincipalPolicy"),
    "no role": (error("NoSuchEntity"), "IAM has no role"),
    "rejected": (error("InvalidInput"), "InvalidInput: text"),
    "not reachable": (EndpointConnectionError(endpoint_url="https://iam"), "EndpointConnectionError"),
}


@pytest.mark.parametrize(("failure", "reason"), IAM_FAILURES.values(), ids=IAM_FAILURES)
def test_simulation_without_an_answer(failure, reason):
    """The reason says why IAM did not answer."""
    with pytest.raises(NotReadError, match=reason):
        simulate(Iam(error=failure))


def test_simulation_in_another_account_needs_its_credentials():
    """A role of another account is simulated there, with `--account`."""
    aws = Accounts({ACCOUNT: Iam(ON_ALL)}, "eu-west-1", ACCOUNT, {})
    with pytest.raises(NotReadError, match="--account 210987654321=ROLE_OR_PROFILE"):
        LiveServices(None, aws).simulate("arn:aws:iam::210987654321:role/x", ACTION, RESOURCE, {})
