"""A stack's access graph before its first update, in its state, and in previews of the next updates.

`EKS_ACCESS_RECORD=1 python -m pytest tests/lab/access_graph/test_pulumi_sources.py` also stores the JSON of Pulumi in
tests/access_graph/data: see the README there.
"""

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pulumi import automation

from eks_access.findings import Verdict
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.trace_principal import trace_principal
from eks_access.sources.snapshot import open_snapshot
from eks_identity.evaluation.rbac import Request
from lab.interfaces import AuthenticationMode
from support.access_program import Cluster
from support.lab_project import LabProject, write_project
from support.pulumi_recordings import record_preview, record_state

PROGRAM = Path(__file__).with_name("declared_access_program.py")
NEW_CLUSTER = Path(__file__).with_name("new_cluster_program.py")
RECORD = "EKS_ACCESS_RECORD" in os.environ
HAS_LIVE = importlib.util.find_spec("eks_access.sources.live") is not None
PASSWORD = "correct-horse"
OPERATOR = "arn:aws:iam::123456789012:user/people/graph-operator"
LIST_PODS = Request("list", "pods", "default")


@pytest.fixture(scope="module")
def graphs(running_lab, tools, tmp_path_factory):
    """The graph of each source, by way of a snapshot that the command writes."""
    folder = tmp_path_factory.mktemp("graph")
    cluster = Cluster(running_lab, tools, "graph", AuthenticationMode.API_AND_CONFIG_MAP, folder)
    project = LabProject(running_lab, tools, write_project(folder / "project", "graph", PROGRAM))
    found = SimpleNamespace(
        viewer=cluster.user("graph-viewer", "/people/"), deployer=cluster.role("graph-deployer", "/team/"), texts={}
    )
    values = {"cluster": "graph", "role_arn": found.deployer, "viewer_arn": found.viewer}
    project.stack.set_all_config({key: automation.ConfigValue(value) for key, value in values.items()})
    project.stack.set_config("password", automation.ConfigValue(PASSWORD, secret=True))

    def graph(name, *source):
        file = folder / f"{name}.json"
        done = project.run(sys.executable, "-m", "eks_access", "snapshot", str(file), *source)
        assert file.exists(), done.stderr
        found.texts[name] = file.read_text()
        return open_snapshot(file)

    def graph_of_stack(name, source):
        if RECORD and source == "state":
            record_state(project)
        elif RECORD and name != "unchanged":
            record_preview(project, name)
        return graph(name, "--source", f"{source}=dev", "--cwd", str(project.folder))

    found.before = graph_of_stack("new", "preview")
    project.stack.up()
    found.state = graph_of_stack("state", "state")
    found.unchanged = graph_of_stack("unchanged", "preview")
    found.live = graph("live", "--cluster", "graph", "--region", "ap-northeast-1") if HAS_LIVE else None
    project.stack.set_config("changed", automation.ConfigValue("true"))
    found.changed = graph_of_stack("changed", "preview")
    project.stack.destroy()
    (project.folder / "__main__.py").write_text(NEW_CLUSTER.read_text())
    found.new_cluster = graph_of_stack("new-cluster", "preview")
    return found


def declared(graph):
    """The objects of a graph that do not change from run to run and that the program declares."""
    keys = {"graph-people", (None, "graph-operator"), (None, "graph-operator-binding")}
    tables = (graph.groups, graph.rbac_roles, graph.rbac_bindings)
    found = {key: value for table in tables for key, value in table.all().items() if key in keys}
    found["issuer"] = graph.cluster.get().issuer
    found["mode"] = graph.cluster.get().authentication_mode
    return found | {("pod", each.name): each for each in graph.pods.all().values() if "/" in each.name}


def entry_of(graph, arn):
    return replace(graph.entries.get(arn), arn="", created_at=None)


def role_of(graph, name):
    role = graph.principals.get(f"arn:aws:iam::123456789012:role/{name}")
    return role.trust_policy, role.inline_policies.get("statements"), role.attached_policies


def test_preview_before_the_first_update_has_the_objects_of_the_state(graphs):
    assert declared(graphs.before) == declared(graphs.state)
    assert len(declared(graphs.state)) == 6
    for name in ("graph-irsa", "graph-pods"):
        assert role_of(graphs.before, name) == role_of(graphs.state, name)
    assert entry_of(graphs.before, graphs.viewer) == entry_of(graphs.state, graphs.viewer)
    assert graphs.before.aws_auth.get().data == graphs.state.aws_auth.get().data


def test_preview_before_the_first_update_names_what_decides_unknown_values(graphs):
    with pytest.raises(NotReadError, match="known after the update, from aws:iam/user:User operator"):
        graphs.before.entries.get(OPERATOR)
    association = graphs.before.associations.get(("default", "graph-pods"))
    assert isinstance(association.role_arn, Unknown)
    assert association.role_arn.reason.endswith("from aws:iam/role:Role pods")
    account = graphs.before.service_accounts.get(("default", "graph-irsa"))
    (annotation,) = account.annotations.values()
    assert annotation.reason.endswith("from aws:iam/role:Role irsa")


def test_preview_without_changes_has_the_graph_of_the_state(graphs):
    for name in ("principals", "entries", "associations", "service_accounts", "rbac_bindings", "pods", "groups"):
        before, after = getattr(graphs.state, name).all(), getattr(graphs.unchanged, name).all()
        assert dict(before).keys() == dict(after).keys()
    for arn in (OPERATOR, graphs.viewer):
        assert entry_of(graphs.unchanged, arn) == entry_of(graphs.state, arn)
    assert trace_principal(graphs.unchanged, OPERATOR, LIST_PODS) == trace_principal(graphs.state, OPERATOR, LIST_PODS)


def test_trace_principal_of_the_state_has_every_link(graphs):
    assert trace_principal(graphs.state, OPERATOR, LIST_PODS).verdict is Verdict.HOLDS


def test_trace_principal_of_a_principal_of_another_stack_is_the_same_before_and_after(graphs):
    before, after = (trace_principal(graph, graphs.viewer, LIST_PODS) for graph in (graphs.before, graphs.state))
    assert before.links[1:] == after.links[1:]
    assert [link.verdict for link in after.links] == [Verdict.NOT_EVALUATED, *[Verdict.HOLDS] * 3]


def test_preview_of_a_change_has_the_access_after_it(graphs):
    graph = graphs.changed
    assert graph.entries.get(OPERATOR) is None
    assert graph.principals.get(OPERATOR) is None
    assert graph.aws_auth.get().removed_arns == ("arn:aws:iam::123456789012:role/graph-deployer",)
    assert graph.rbac_roles.get((None, "graph-operator")).rules[0].verbs == ("get",)


def test_preview_of_a_new_cluster_knows_its_name_and_mode(graphs):
    cluster = graphs.new_cluster.cluster.get()
    assert (cluster.account, cluster.authentication_mode) == ("123456789012", "API")
    assert isinstance(cluster.issuer, Unknown)
    trace = trace_principal(graphs.new_cluster, graphs.viewer, LIST_PODS)
    assert [link.verdict for link in trace.links] == [Verdict.NOT_EVALUATED, *[Verdict.HOLDS] * 3]


def test_graphs_of_a_stack_have_none_of_its_secrets(graphs):
    """AWS and Kubernetes do not know which values are secrets of a stack: the graph of the living cluster has them."""
    names = {"new", "state", "unchanged", "changed", "new-cluster"}
    assert {name for name in names if PASSWORD in graphs.texts[name]} == set()


@pytest.mark.skipif(not HAS_LIVE, reason="this version has no source live")
def test_live_cluster_has_the_graph_of_the_state(graphs):
    assert trace_principal(graphs.live, OPERATOR, LIST_PODS) == trace_principal(graphs.state, OPERATOR, LIST_PODS)
    live, state = declared(graphs.live), declared(graphs.state)
    assert {key: live.get(key) for key in state if key[0] != "pod"} == {
        key: value for key, value in state.items() if key[0] != "pod"
    }
    for name in ("graph-irsa", "graph-pods"):
        assert role_of(graphs.live, name) == role_of(graphs.state, name)
    for arn in (OPERATOR, graphs.viewer):
        assert entry_of(graphs.live, arn) == entry_of(graphs.state, arn)
    key = ("default", "graph-pods")
    assert graphs.live.associations.get(key) == graphs.state.associations.get(key)
    key = ("default", "graph-irsa")
    assert graphs.live.service_accounts.get(key) == graphs.state.service_accounts.get(key)
    document = graphs.live.aws_auth.get().document
    arn = "arn:aws:iam::123456789012:role/graph-deployer"
    expected = graphs.state.aws_auth.get().document.effective_entry(arn)
    assert replace(document.effective_entry(arn), index=0) == replace(expected, index=0)
