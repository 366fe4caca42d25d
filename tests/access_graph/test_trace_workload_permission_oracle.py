"""Random policies of a role: the trace agrees with the lab's own evaluation, and each fix makes the lab allow."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eks_access.findings import Verdict
from eks_access.questions.trace_workload import trace_service_account
from lab.cloud.policy import evaluation
from lab.cloud.policy.conditions import Context
from lab.cloud.policy.documents import parse
from support.access_graph_fixes import play
from support.access_graphs import ACCOUNT, arn
from support.workload_chains import (
    ACTION,
    AWS_POLICY_ARN,
    KEY,
    OTHER_ACCOUNT,
    POLICY_ARN,
    RESOURCE,
    ROLE_ARN,
    GraphData,
    document,
    irsa,
)

BOUNDARY_ARN = arn("policy/boundary")
ACTIONS = ("s3:ListBucket", "s3:*", "s3:List*", "s3:listbucket", "s3:GetObject", "*", "ec2:*")
RESOURCES = (RESOURCE, "*", f"{RESOURCE}/*", "arn:aws:s3:::rep*", "arn:aws:s3:::other", "arn:aws:s3:::report?")
CONDITIONS = (
    None,
    None,
    {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"StringEquals": {"aws:PrincipalAccount": [OTHER_ACCOUNT]}},
    {"StringEquals": {"aws:PrincipalTag/team": "reports"}},
    {"StringNotEquals": {"aws:PrincipalTag/team": "reports"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
)


def several(values: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    condition = draw(st.sampled_from(CONDITIONS))
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "Action", "NotAction"])): draw(several(ACTIONS)),
        draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"])): draw(several(RESOURCES)),
        **({"Condition": condition} if condition else {}),
    }


DOCUMENT = st.lists(statements(), min_size=1, max_size=3).map(lambda each: document(*each))
OPTIONAL = st.one_of(st.none(), DOCUMENT)


def lab_allows(data: GraphData) -> bool:
    role = data.role
    documents = [*role.inline_policies.values(), *(data.policies[policy] for policy in role.attached_policies)]
    boundary = None if role.boundary is None else parse(data.policies[role.boundary])
    context = Context({"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalArn": ROLE_ARN})
    request = evaluation.Request(ACTION, RESOURCE, None, context)
    policies = evaluation.Policies(identity=[parse(each) for each in documents], boundary=boundary)
    return evaluation.evaluate(request, policies).allowed


@settings(max_examples=60, deadline=None)
@given(inline=OPTIONAL, managed=OPTIONAL, of_aws=OPTIONAL, boundary=OPTIONAL)
def test_policies_of_a_role(inline, managed, of_aws, boundary):
    """The trace and the lab agree on an action. Fixes, one after the other, end with access."""
    data = irsa()
    data.policies = {
        policy: each
        for policy, each in ((POLICY_ARN, managed), (AWS_POLICY_ARN, of_aws), (BOUNDARY_ARN, boundary))
        if each is not None
    }
    attached = tuple(policy for policy in (POLICY_ARN, AWS_POLICY_ARN) if policy in data.policies)
    data.set_role(
        inline_policies={} if inline is None else {"own": inline},
        attached_policies=attached,
        boundary=BOUNDARY_ARN if boundary is not None else None,
    )
    for _ in range(6):
        link = trace_service_account(data.graph(), *KEY, ACTION, RESOURCE).links[-1]
        assert (link.verdict is Verdict.HOLDS) == lab_allows(data), link
        if link.finding is None:
            break
        play(data, link.finding.fix, ACCOUNT)
    assert lab_allows(data), link
