"""Requests of questions to a living cluster: few for one chain, and one listing of a kind where one exists."""

import json

import pytest

from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_access.questions.list_mappings import list_mappings
from eks_access.questions.requests import parse_request
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.trace_workload import trace_service_account
from eks_access.questions.who_can import who_can
from eks_access.sources.live import open_live
from lab.principals import client

ACCOUNT = "123456789012"
FEW = 20
"""Requests of one chain, those of opening the source included."""
LISTINGS = ("GetAccountAuthorizationDetails", "/api/v1/serviceaccounts", "/api/v1/pods", "/api/v1/nodes")
LIST_PODS = parse_request("list", "pods", "default", None)

pytestmark = pytest.mark.usefixtures("as_administrator")


@pytest.fixture
def many_mappings(live_lab):
    """Access entries of more roles than the source reads alone."""
    trust = live_lab.aws("iam", "get-role", "--role-name", "operators")["Role"]["AssumeRolePolicyDocument"]
    names = [f"many-{index}" for index in range(12)]
    iam, eks = (client(live_lab.clients.home, service) for service in ("iam", "eks"))
    arns = [iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"] for name in names]
    for arn in arns:
        eks.create_access_entry(clusterName="eks-clu", principalArn=arn, kubernetesGroups=["viewers"])
    yield arns
    for name, arn in zip(names, arns, strict=True):
        eks.delete_access_entry(clusterName="eks-clu", principalArn=arn)
        iam.delete_role(RoleName=name)


def described(requests):
    """Return the requests for one access entry."""
    return [path for path in requests if path.startswith("GET /clusters/eks-clu/access-entries/")]


def test_trace_of_a_principal_with_an_access_entry_makes_few_requests(requests, many_mappings):
    """The chain of an access entry is read without a listing, however many others there are."""
    trace_principal(open_live(), f"arn:aws:iam::{ACCOUNT}:role/operators", LIST_PODS)
    assert len(requests) <= FEW
    assert len(described(requests)) == 2
    assert not {*LISTINGS, "GET /clusters/eks-clu/access-entries"}.intersection(requests)


def test_trace_of_a_principal_in_aws_auth_lists_entries_without_describing_them(requests, many_mappings):
    """Without an own access entry, only the ARNs of the others are compared: none of them is described."""
    node = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
    traced = trace_principal(open_live(), node, LIST_PODS)
    assert [link.name for link in traced.links][2] == "aws-auth mapping"
    assert described(requests) == [
        f"GET /clusters/eks-clu/access-entries/{node.replace(':', '%3A').replace('/', '%2F')}"
    ]
    assert len(requests) <= FEW
    assert not set(LISTINGS).intersection(requests)


def test_trace_of_a_service_account_makes_few_requests(requests):
    """The chain of a service account is read without a listing of anything else."""
    trace_service_account(open_live(), "default", "app", "s3:GetObject", "arn:aws:s3:::bucket/key")
    assert len(requests) <= FEW
    assert not set(LISTINGS).intersection(requests)


@pytest.mark.parametrize(
    "ask",
    [list_mappings, lambda graph: who_can(graph, LIST_PODS), lambda graph: who_can_in_aws(graph, "s3:GetObject", "*")],
    ids=["list", "who-can", "who-can in AWS"],
)
def test_question_about_all_objects_reads_none_alone(requests, many_mappings, ask):
    """A question about all mappings or bindings lists principals and roles: it gets none by itself."""
    ask(open_live())
    assert requests.count("GetAccountAuthorizationDetails") == 1
    assert not {"GetRole", "GetUser", "ListRolePolicies", "ListAttachedRolePolicies"}.intersection(requests)
    assert not [path for path in requests if "/clusterroles/" in path]
