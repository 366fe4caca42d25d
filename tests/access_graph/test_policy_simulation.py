"""`trace serviceaccount` and `trace pod` ask IAM where policies that they cannot evaluate decide, and only there."""

import pytest

from eks_access.catalogue import services as kinds
from eks_access.findings import Verdict
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.services import Simulation
from eks_access.questions.trace_workload import trace_service_account
from support.fake_services import ACCESS_DENIED, FakeServices
from support.workload_chains import (
    ACTION,
    KEY,
    POLICY_ARN,
    RESOURCE,
    ROLE_ARN,
    TARGET_ROLE_ARN,
    allow,
    chained,
    document,
    irsa,
    pod_identity,
)

ALLOWED = Simulation("allowed", ("read-buckets",))
OPEN_CONDITION = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
"""A condition whose value in the pod's request is not known."""


def permissions(data, services, *, not_read=""):
    """Return the link of the permissions, and the notes."""
    traced = trace_service_account(services.of(data.graph(not_read=not_read)), *KEY, ACTION, RESOURCE)
    return next(link for link in traced.links if link.name == "permissions"), traced.notes


def unknown_policy(chain=irsa):
    """A chain whose role has a policy with unknown contents only."""
    data = chain()
    data.set_role(attached_policies=(), inline_policies={"own": Unknown("not known")})
    return data


def conditional(chain=irsa):
    data = chain()
    statement = {**allow(), "Condition": OPEN_CONDITION}
    data.set_role(attached_policies=(), inline_policies={"own": document(statement)})
    return data


@pytest.mark.parametrize("chain", [irsa, pod_identity, chained])
def test_iam_is_not_asked_if_the_policies_decide(chain):
    """A healthy chain makes no simulation."""
    services = FakeServices()
    link, _ = permissions(chain(), services)
    assert (link.verdict, link.answer, services.calls) == (Verdict.HOLDS, None, [])


def test_simulation_allows_in_place_of_policies_that_were_not_read():
    """The link holds, says who decided, and a note says what the simulation covers."""
    services = FakeServices(simulation=ALLOWED)
    link, notes = permissions(irsa(), services, not_read="policies")
    assert (link.verdict, link.finding) == (Verdict.HOLDS, None)
    assert link.says.startswith(f"SimulatePrincipalPolicy: allowed by read-buckets for {ACTION} on {RESOURCE};")
    assert {each.part for each in link.answer.not_read} == {"policies"}
    assert link.says.count("not evaluated") == 1
    (about_organization,) = [note for note in notes if "service control policies" in note]
    assert about_organization.startswith("SimulatePrincipalPolicy evaluates")


def test_simulation_has_the_keys_of_the_session_that_are_known():
    """IAM gets the role, its account and its tags, and no key whose value is not known."""
    services = FakeServices(simulation=ALLOWED)
    data = conditional()
    data.set_role(tags={"team": "a"})
    permissions(data, services)
    ((_, role, action, resource, context),) = services.calls
    assert (role, action, resource) == (ROLE_ARN, ACTION, RESOURCE)
    assert (context["aws:PrincipalArn"], context["aws:PrincipalTag/team"]) == (ROLE_ARN, "a")
    assert "aws:SourceVpc" not in context


def test_simulation_asks_about_the_target_role():
    """With a target role, the last role of the chain is simulated."""
    services = FakeServices(simulation=ALLOWED)
    data = chained()
    data.set_role(TARGET_ROLE_ARN, attached_policies=(), inline_policies={"own": Unknown("not known")})
    permissions(data, services)
    assert [call[1] for call in services.calls] == [TARGET_ROLE_ARN]


def test_role_that_was_not_read_is_simulated():
    """IAM decides about a role that the caller may not read; the role's own link stays not evaluated."""
    services = FakeServices(simulation=ALLOWED)
    link, _ = permissions(irsa(), services, not_read="principals")
    assert link.verdict is Verdict.HOLDS
    assert "depends on role, which was not evaluated" in link.says


def test_missing_role_is_not_simulated():
    """A role that does not exist has no policies."""
    services = FakeServices(simulation=ALLOWED)
    data = irsa()
    del data.principals[ROLE_ARN]
    link, _ = permissions(data, services)
    assert (link.verdict, services.calls) == (Verdict.NOT_EVALUATED, [])


@pytest.mark.parametrize("decision", ["allowed", "implicitDeny", "explicitDeny"])
def test_simulation_without_the_value_of_a_key_decides_nothing(decision):
    """A key counts as absent in a simulation, and has a value in the pod's request."""
    simulation = Simulation(decision, missing_keys=("aws:SourceVpc",))
    link, _ = permissions(conditional(), FakeServices(simulation=simulation))
    assert (link.verdict, link.answer) == (Verdict.NOT_EVALUATED, None)
    assert f"SimulatePrincipalPolicy: {decision}, without values of aws:SourceVpc" in link.says


def test_key_that_the_request_lacks_may_be_missing():
    """A tag that the session does not have is absent in the request as in the simulation."""
    simulation = Simulation("allowed", missing_keys=("aws:PrincipalTag/none",))
    link, _ = permissions(unknown_policy(), FakeServices(simulation=simulation))
    assert link.verdict is Verdict.HOLDS


DENIALS = {
    "no statement": (Simulation("implicitDeny"), "put-role-policy"),
    "explicit deny": (Simulation("explicitDeny", ("guard",)), "the Deny that applies in guard"),
    "boundary": (Simulation("implicitDeny", is_allowed_by_boundary=False), "in the permissions boundary"),
    "organization": (Simulation("implicitDeny", is_allowed_by_organization=False), "service control policy"),
}


@pytest.mark.parametrize(("simulation", "fix"), DENIALS.values(), ids=DENIALS)
def test_simulation_that_does_not_allow_is_a_finding(simulation, fix):
    """The finding names IAM's decision, and the fix is for the policy type that denies."""
    link, _ = permissions(unknown_policy(), FakeServices(simulation=simulation))
    assert (link.verdict, link.finding.kind) == (Verdict.BROKEN, kinds.SIMULATION_DENIES)
    assert link.answer.operation == "SimulatePrincipalPolicy"
    assert fix in str(link.finding.fix)


@pytest.mark.parametrize(("allowed", "verdict"), [(ACTION, Verdict.HOLDS), ("sqs:*", Verdict.BROKEN)])
def test_session_policy_counts_beside_the_simulation(allowed, verdict):
    """IAM does not know the session policy of an association: it must allow the action too."""
    data = unknown_policy(pod_identity)
    data.set_association(session_policy=document(allow(allowed)), disable_session_tags=True)
    link, _ = permissions(data, FakeServices(simulation=ALLOWED))
    assert link.verdict is verdict, link


def test_session_policy_that_is_not_decided_leaves_the_link_not_evaluated():
    """A simulation that allows does not decide without the session policy."""
    data = unknown_policy(pod_identity)
    policy = document({**allow(ACTION), "Condition": OPEN_CONDITION})
    data.set_association(session_policy=policy, disable_session_tags=True)
    link, _ = permissions(data, FakeServices(simulation=ALLOWED))
    assert link.verdict is Verdict.NOT_EVALUATED
    assert "without the session policy of association" in link.says


def test_simulation_that_is_not_permitted_leaves_the_link_not_evaluated():
    """Both reasons are printed."""
    link, _ = permissions(irsa(), FakeServices(), not_read="policies")
    assert (link.verdict, link.answer) == (Verdict.NOT_EVALUATED, None)
    assert link.says.endswith(f"; SimulatePrincipalPolicy: {ACCESS_DENIED}")
    assert POLICY_ARN in link.says
