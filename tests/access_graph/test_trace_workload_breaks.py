"""Each break of a workload identity chain is found on its link, nothing else is, and its fix makes the trace pass."""

import botocore.session
import pytest
from botocore import xform_name

from eks_access.catalogue import workloads
from eks_access.findings import FindingKind, Trace, Verdict
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from support.access_graph_fixes import play
from support.access_graphs import ACCOUNT
from support.workload_breaks import BREAKS, Break
from support.workload_chains import (
    ACTION,
    HEALTHY,
    KEY,
    POD,
    RESOURCE,
    SUBJECT,
    TARGET_ROLE_ARN,
    GraphData,
    irsa,
    irsa_statement,
    next_role,
    replaced,
    several_statements,
)


def trace(data: GraphData, each: Break) -> Trace:
    if each.traces_pod:
        return trace_pod(data.graph(), *POD, each.action, each.resource)
    return trace_service_account(data.graph(), *KEY, each.action, each.resource)


def described(traced: Trace) -> list[str]:
    return [f"{link.name}: {link.verdict}: {link.says} {link.finding or ''}" for link in traced.links]


@pytest.mark.parametrize("chain", HEALTHY)
def test_healthy_chain_has_no_finding(chain):
    """A healthy chain has no finding and no link that is not evaluated, for its pod and for its service account."""
    graph = HEALTHY[chain]().graph()
    for traced in (
        trace_pod(graph, *POD),
        trace_pod(graph, *POD, ACTION, RESOURCE),
        trace_service_account(graph, *KEY),
        trace_service_account(graph, *KEY, ACTION, RESOURCE),
    ):
        assert traced.verdict is Verdict.HOLDS, described(traced)
        assert traced.findings == ()


def test_healthy_chain_of_a_pod_that_assumes_a_role_itself():
    """A pod with session tags may assume a role that allows sts:TagSession too."""
    traced = trace_pod(next_role().graph(), *POD, "sts:AssumeRole", TARGET_ROLE_ARN)
    assert traced.verdict is Verdict.HOLDS, described(traced)


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_break_is_found_on_its_link_alone(each):
    """The broken link has the finding, and no other link has one."""
    data = each.chain()
    each.apply(data)
    traced = trace(data, each)
    found = [(link.name, link.finding.kind.id) for link in traced.links if link.finding is not None]
    assert found == [(each.link, each.kind)], described(traced)
    assert traced.verdict is (Verdict.HOLDS if each.holds else Verdict.BROKEN), described(traced)


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_fix_of_a_break_makes_the_trace_pass(each):
    """The commands of the fix, played as printed, leave a chain without findings."""
    data = each.chain()
    each.apply(data)
    (finding,) = trace(data, each).findings
    play(data, finding.fix, each.account)
    traced = trace(data, each)
    assert traced.verdict is Verdict.HOLDS, [str(finding.fix), *described(traced)]
    assert traced.findings == ()


@pytest.mark.parametrize("index", range(5))
def test_fix_of_a_trust_policy_keeps_the_other_statements(index):
    """A repaired trust policy has every other statement as it was: only the misspelt one changes."""
    data = several_statements()
    before = data.role.trust_policy["Statement"]
    broken = replaced(before[4], SUBJECT, f"{SUBJECT}s")
    order = [*before[:4][:index], broken, *before[:4][index:]]
    data.set_trust(*order)
    (finding,) = trace_pod(data.graph(), *POD).findings
    play(data, finding.fix, ACCOUNT)
    after = data.role.trust_policy["Statement"]
    assert after == [*order[:index], before[4], *order[index + 1 :]]


def test_fix_adds_a_statement_if_all_others_serve_other_clusters_and_services():
    """Statements of EC2, Pod Identity and another cluster stay as they are; the fix adds one."""
    data = several_statements()
    others = [data.role.trust_policy["Statement"][position] for position in (0, 1, 3)]
    data.set_trust(*others)
    (finding,) = trace_pod(data.graph(), *POD).findings
    play(data, finding.fix, ACCOUNT)
    assert data.role.trust_policy["Statement"] == [*others, irsa_statement()]


def test_fix_keeps_version_id_and_sids_of_a_trust_policy():
    """Elements of the document and of the statement that are right stay."""
    data = irsa()
    statement = {"Sid": "Reports", **irsa_statement(f"{SUBJECT}s")}
    data.set_role(trust_policy={"Version": "2012-10-17", "Id": "reports", "Statement": statement})
    (finding,) = trace_pod(data.graph(), *POD).findings
    play(data, finding.fix, ACCOUNT)
    expected = {"Version": "2012-10-17", "Id": "reports", "Statement": [{"Sid": "Reports", **irsa_statement()}]}
    assert data.role.trust_policy == expected


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_fix_needs_no_other_programs_than_aws_and_kubectl(each):
    """Who can read a cluster with `eks-access` has both programs; eksctl and others may be missing."""
    data = each.chain()
    each.apply(data)
    (finding,) = trace(data, each).findings
    assert {program for program, *_ in finding.fix.commands} <= {"aws", "kubectl"}


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_finding_names_the_account_of_its_fix_if_it_is_not_the_clusters(each):
    """A fix that needs credentials of another account says so."""
    data = each.chain()
    each.apply(data)
    (finding,) = trace(data, each).findings
    hint = f"credentials of account {each.account}"
    assert (hint in finding.should_say) == (each.account != ACCOUNT)


def test_each_kind_of_finding_has_a_break():
    """Each kind of the catalogue is found by a break, except a missing pod, which has a test of its own."""
    kinds = {kind.id for kind in vars(workloads).values() if isinstance(kind, FindingKind)}
    assert kinds - {each.kind for each in BREAKS} == {"pod-missing"}


def test_each_row_of_the_catalogue_has_a_break():
    """Rows B14 to B25 of the catalogue have breaks; B23 is about the last administrator of a cluster."""
    assert {each.row for each in BREAKS} == {f"B{number}" for number in range(14, 26)} - {"B23"}


def test_ids_of_breaks_are_unique():
    """Each break has an id of its own."""
    assert len({each.id for each in BREAKS}) == len(BREAKS)


@pytest.fixture(scope="module")
def botocore_session():
    return botocore.session.get_session()


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.id)
def test_aws_commands_of_fixes_have_operations_and_options_of_aws(each, botocore_session):
    """Each `aws` command names an operation of AWS, its options, and all that it requires."""
    data = each.chain()
    each.apply(data)
    (finding,) = trace(data, each).findings
    for program, service, name, *arguments in finding.fix.commands:
        if program != "aws":
            continue
        model = botocore_session.get_service_model(service)
        (operation,) = [each for each in model.operation_names if xform_name(each, "-") == name]
        shape = model.operation_model(operation).input_shape
        members = {f"--{xform_name(member, '-')}": member for member in shape.members}
        flags = {f"--no-{option[2:]}": member for option, member in members.items()} | {"--region": "region"}
        options = [argument for argument in arguments if argument.startswith("--")]
        assert set(options) <= members.keys() | flags.keys()
        assert set(shape.required_members) <= {members.get(option) for option in options}
