"""Requests of questions to a living cluster: few for one chain, and one listing of a kind where one exists."""

import json

import pytest
import yaml

from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_access.questions.diff import diff
from eks_access.questions.escalations import escalations
from eks_access.questions.list_mappings import list_mappings
from eks_access.questions.requests import parse_request
from eks_access.questions.trace_principal import trace_principal
from eks_access.questions.trace_workload import trace_service_account
from eks_access.questions.who_can import who_can
from eks_access.sources.live import open_live
from lab.principals import client

ACCOUNT = "123456789012"
FEW = 16
"""Requests of one chain, those of opening the source included. A denied request needs most: it lists roles too."""
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


@pytest.fixture
def in_aws_auth(live_lab):
    """ARN of a role that only aws-auth maps."""
    config_map = live_lab.get("-n", "kube-system", "configmap", "aws-auth")
    former = config_map["data"]["mapRoles"]
    arn = live_lab.aws("iam", "get-role", "--role-name", "app")["Role"]["Arn"]
    entry = {"rolearn": arn.replace("/apps/", "/"), "username": "app", "groups": ["viewers"]}
    _write_aws_auth(live_lab, yaml.safe_dump([*yaml.safe_load(former), entry]))
    yield arn
    _write_aws_auth(live_lab, former)


def _write_aws_auth(live_lab, roles):
    patch = json.dumps({"data": {"mapRoles": roles}})
    live_lab.kubectl("-n", "kube-system", "patch", "configmap", "aws-auth", "--type", "merge", "--patch", patch)


def described(requests):
    """Return the requests for one access entry."""
    return [path for path in requests if path.startswith("GET /clusters/eks-clu/access-entries/")]


def test_trace_of_a_principal_with_an_access_entry_makes_few_requests(many_mappings, requests):
    """The chain of an access entry is read without a listing, however many others there are."""
    trace_principal(open_live(), f"arn:aws:iam::{ACCOUNT}:role/operators", LIST_PODS)
    assert len(requests) <= FEW, "\n".join(requests)
    assert len(described(requests)) == 2
    assert not {*LISTINGS, "GET /clusters/eks-clu/access-entries"}.intersection(requests)


def test_trace_of_a_principal_in_aws_auth_lists_entries_without_describing_them(many_mappings, in_aws_auth, requests):
    """Without an own access entry, only the ARNs of the others are compared: none of them is described."""
    traced = trace_principal(open_live(), in_aws_auth, LIST_PODS)
    assert "aws-auth mapping" in [link.name for link in traced.links]
    own = f"GET /clusters/eks-clu/access-entries/{in_aws_auth.replace(':', '%3A').replace('/', '%2F')}"
    assert described(requests) == [own]
    assert len(requests) <= FEW, "\n".join(requests)
    assert not set(LISTINGS).intersection(requests)


def test_trace_of_a_service_account_makes_few_requests(requests):
    """The chain of a service account is read without a listing of anything else."""
    trace_service_account(open_live(), "default", "app", "s3:GetObject", "arn:aws:s3:::bucket/key")
    managed_policies = 3  # two attached ones and the permissions boundary: IAM describes a policy and its version
    assert requests.count("GetPolicy") == requests.count("GetPolicyVersion") == managed_policies
    assert len(requests) - 2 * managed_policies <= FEW, "\n".join(requests)
    assert not set(LISTINGS).intersection(requests)


@pytest.mark.parametrize(
    "ask",
    [
        list_mappings,
        lambda graph: who_can(graph, LIST_PODS),
        lambda graph: who_can_in_aws(graph, "s3:GetObject", "*"),
        escalations,
        lambda graph: diff(graph, open_live()),
    ],
    ids=["list", "who-can", "who-can in AWS", "escalations", "diff"],
)
def test_question_about_all_objects_reads_none_alone(many_mappings, requests, ask):
    """A question about all objects lists principals, policies and roles, once for each graph: it gets none alone."""
    ask(open_live())
    assert requests.count("GetAccountAuthorizationDetails") == requests.count("GET /clusters/eks-clu")
    assert not {"GetRole", "GetUser", "ListRolePolicies", "ListAttachedRolePolicies"}.intersection(requests)
    boundaries = 1  # of AWS's policies, the listing has those that are attached
    assert requests.count("GetPolicy") <= boundaries * requests.count("GetAccountAuthorizationDetails")
    assert not [path for path in requests if "/clusterroles/" in path]
