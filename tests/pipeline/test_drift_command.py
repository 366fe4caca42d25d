"""What `drift` prints and writes, and which states it compares together."""

import json
from datetime import date

import pytest
from click.testing import CliRunner

from eks_access.findings import Fix
from eks_access.graph.tables import NotReadError
from eks_access.questions.drift.find_drift import Drift
from eks_access.questions.drift.unmanaged import UnmanagedAccess
from eks_pipeline.cli import commands
from eks_pipeline.errors import UsageError
from eks_pipeline.report import Operation
from eks_pipeline.review import drift
from eks_pipeline.review.comment import comment, drift_sentences, marker, restored_sentences
from eks_pipeline.review.stack_preview import ClusterAccess, FleetPreview, StackPreview, read_fleet, write
from support.access_graphs import Objects
from support.stack_previews import NOT_READ, OPERATOR, access, gains, loses, preview

REMOVAL = Fix((("kubectl", "delete", "clusterrolebinding", "by-hand"),))
BY_HAND = UnmanagedAccess(
    "ClusterRoleBinding by-hand",
    "ClusterRole view to Group ops",
    Fix((("kubectl", "delete", "clusterrolebinding", "by-hand"),)),
)


def fleet(*stacks):
    return FleetPreview(operation=Operation.DRIFT, stacks=stacks)


def unmanaged(stack, cluster="eks-clu"):
    found = access(gains(), cluster=cluster)
    return StackPreview(stack, access=(ClusterAccess(cluster, found.difference, unmanaged=(BY_HAND,)),))


def test_drift_prints_access_in_no_state_with_the_command_that_removes_it():
    removal = "remove it: kubectl delete clusterrolebinding by-hand (a, b)"
    assert drift_sentences(fleet(unmanaged("a"), unmanaged("b"))) == [
        "eks-ope gains get, list, watch on pods and nodes, whole cluster (a, b)",
        f"in no state: ClusterRoleBinding by-hand: ClusterRole view to Group ops; {removal}",
    ]


def test_drift_prints_clusters_that_could_not_be_compared():
    broken = StackPreview("a", access=(ClusterAccess("eks-clu", not_evaluated="AccessDenied: eks:DescribeCluster"),))
    assert drift_sentences(fleet(broken))[-1] == "not compared: cluster eks-clu: AccessDenied: eks:DescribeCluster"
    assert broken.access[0].is_drift(allow_not_evaluated=True)
    text = comment(fleet(broken))
    assert "Access: not evaluated; **1 failed comparison**." in text
    assert "### Not compared\n\n- cluster eks-clu: AccessDenied: eks:DescribeCluster\n" in text


def test_drift_names_the_stacks_without_a_cluster():
    """The state of a stack that was never updated is empty. It has no difference, and is not compared either."""
    found = fleet(preview(access()), StackPreview("empty"))
    assert drift_sentences(found)[-1] == "no cluster in the state, so nothing was compared: empty"
    assert "\nNo cluster in the state, so nothing was compared: empty.\n" in comment(found)


def test_parts_that_could_not_be_evaluated_are_drift_unless_allowed():
    found = access(not_evaluated=(NOT_READ,))
    assert found.is_drift()
    assert not found.is_drift(allow_not_evaluated=True)
    assert not access().is_drift()


def test_comment_of_drift_has_a_marker_of_its_own_and_access_in_no_state():
    text = comment(fleet(unmanaged("a")), "tokyo")
    assert text.startswith(
        f"{marker('tokyo', 'drift')}\n## Drift of 1 stack\n\nAccess: 1 difference; **1 unmanaged object**."
    )
    assert "### Access in no state" in text
    assert marker("tokyo", "drift") != marker("tokyo")


def test_large_comment_of_drift_names_the_file_of_the_drift():
    objects = tuple(UnmanagedAccess(f"ClusterRoleBinding b-{number}", "x" * 100, REMOVAL) for number in range(1000))
    found = ClusterAccess("eks-clu", access(not_evaluated=(NOT_READ,)).difference, unmanaged=objects)
    large = fleet(StackPreview("a", access=(found,)))
    assert "more, in drift.json of the run" in comment(large)
    assert drift_sentences(large)[1] == "not evaluated: 1 part of the access, in drift.json of the run"


def test_restored_access_is_that_of_the_update():
    found = ClusterAccess("eks-clu", access(loses()).difference, restored=access(gains()).difference)
    assert restored_sentences([preview(found)]) == ["eks-ope gains get, list, watch on pods and nodes, whole cluster"]


@pytest.mark.parametrize("options", [["--yes"], ["--resume", "20261130T000000-abcd"]])
def test_drift_rejects_options_that_it_cannot_use(options):
    done = CliRunner().invoke(commands, ["drift", "--stack", "dev", *options])
    assert isinstance(done.exception, UsageError)
    assert options[0] in str(done.exception)


def test_drift_is_no_reviewed_preview(tmp_path):
    write(fleet(unmanaged("a")), tmp_path / "drift.json")
    with pytest.raises(UsageError, match="must be a preview, and is drift"):
        read_fleet(tmp_path / "drift.json")


def state_of(tmp_path, stack, *clusters):
    """The exported state of a stack that names clusters."""
    resources = [
        {
            "urn": f"urn:pulumi:{stack}::p::aws:eks/accessEntry:AccessEntry::{name}",
            "type": "aws:eks/accessEntry:AccessEntry",
            "inputs": {},
            "outputs": {"clusterName": name, "region": "ap-northeast-1", "principalArn": f"{OPERATOR}-{stack}"},
        }
        for name in clusters
    ]
    file = tmp_path / f"{stack}.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return drift.StackState(stack, file)


class Recorder:
    """Stands for the living clusters, and notes with which states each is compared."""

    def __init__(self, monkeypatch):
        self.compared = {}
        self.iam = set()
        monkeypatch.setattr("eks_access.sources.live.open_live", self.open_live)
        monkeypatch.setattr(drift, "find_drift", self.find_drift)

    def open_live(self, cluster, **_options):
        if cluster == "denied":
            raise NotReadError("cluster denied", "AccessDenied: eks:DescribeCluster")
        return Objects().graph()

    def find_drift(self, states, live, *, today, **_options):
        states = list(states)
        self.compared[states[0].cluster.get().name] = sorted(arn for each in states for arn in each.entries.all())
        self.iam.add(id(live.principals))
        assert isinstance(today, date)
        return Drift(access().difference)


def test_cluster_is_compared_with_the_states_of_all_its_stacks_and_one_reading_of_iam(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    states = [state_of(tmp_path, "a", "one", "two"), state_of(tmp_path, "b", "two", "denied"), state_of(tmp_path, "c")]
    found = drift.compare(states, ())
    assert recorder.compared == {"one": [f"{OPERATOR}-a"], "two": [f"{OPERATOR}-a", f"{OPERATOR}-b"]}
    assert len(recorder.iam) == 1
    assert [each.cluster for each in found["a"].access] == ["one", "two"]
    assert found["b"].access[1].not_evaluated.startswith("cluster denied: AccessDenied")
    assert found["c"].access == ()
