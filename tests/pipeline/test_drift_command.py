"""What `drift` prints and writes, and which states it compares together."""

import json
import os
import threading
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner

from eks_access.findings import Fix
from eks_access.graph.aws_objects import Cluster, IamPrincipal
from eks_access.graph.tables import NotReadError, Part
from eks_access.questions.drift.find_drift import Drift
from eks_access.questions.drift.unmanaged import UnmanagedAccess
from eks_pipeline.cli import commands
from eks_pipeline.errors import UsageError
from eks_pipeline.report import Operation
from eks_pipeline.review import drift, stack_states
from eks_pipeline.review.comment import comment, marker
from eks_pipeline.review.stack_preview import ClusterAccess, FleetPreview, StackPreview, read_fleet, write
from eks_pipeline.review.terminal import drift_sentences, restored_sentences
from support import access_graphs
from support.access_graphs import Objects
from support.stack_previews import NOT_READ, OPERATOR, access, gains, loses, preview

PODS_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
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


def state_of(tmp_path, stack, *clusters, arn=None, **variables):
    """The exported state of a stack that names clusters; `arn` is the cluster's, if the state has it."""
    entry = {"region": "ap-northeast-1", "principalArn": f"{OPERATOR}-{stack}"}
    resources = [
        {
            "urn": f"urn:pulumi:{stack}::p::aws:eks/accessEntry:AccessEntry::{name}",
            "type": "aws:eks/accessEntry:AccessEntry",
            "inputs": {},
            "outputs": {"clusterName": name, "clusterArn": arn, **entry},
        }
        for name in clusters
    ]
    file = tmp_path / f"{stack}.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return stack_states.StackState(stack, file, tuple(variables.items()), variables.get("AWS_PROFILE"))


def state_without_cluster(tmp_path, stack):
    """The state of a stack with a binding in a cluster that it does not name."""
    type_ = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
    binding = {"urn": f"urn:pulumi:{stack}::p::{type_}::b", "type": type_, "inputs": {}, "outputs": {}}
    file = tmp_path / f"{stack}.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [binding]}}))
    return stack_states.StackState(stack, file)


class Recorder:
    """Stands for the living clusters, and notes with which states each is compared.

    The account of a cluster is that of the variable ACCOUNT.
    """

    def __init__(self, monkeypatch):
        self.compared = []
        self.iam = set()
        self.described = []
        self.unmanaged = ()
        self.monkeypatch = monkeypatch
        monkeypatch.setattr("eks_access.sources.live.open_live", self.open_live)
        monkeypatch.setattr(drift, "find_drift", self.find_drift)
        monkeypatch.setattr(drift, "run_in", self.run_in)
        monkeypatch.setattr(stack_states, "run_in", self.run_in)

    def run_in(self, environment, function, *arguments):
        with self.monkeypatch.context() as patch:
            for name, value in environment:
                patch.setenv(name, value)
            if function is stack_states.read_arns:
                self.described += [key.name for key in arguments[0]]
            return function(*arguments)

    def open_live(self, cluster, **_options):
        if "denied" in (cluster, os.environ.get("ACCOUNT")):
            raise NotReadError("cluster denied", "AccessDenied: eks:DescribeCluster")
        return replace(Objects().graph(), cluster=Part.of(living(cluster, os.environ.get("ACCOUNT", "111111111111"))))

    def find_drift(self, states, live, *, today, ignored, **_options):
        states = list(states)
        declared = sorted(arn.rpartition("-")[2] for each in states for arn in each.entries.all())
        self.compared.append((live.cluster.get().name, "".join(declared)))
        self.iam.add(id(live.principals))
        assert isinstance(today, date)
        unmanaged = tuple(each for each in self.unmanaged if each.object not in ignored)
        return Drift(access(*(gains() for _ in unmanaged)).difference, unmanaged)


def living(name, account):
    arn = f"arn:aws:eks:ap-northeast-1:{account}:cluster/{name}"
    return Cluster(name, arn, "ap-northeast-1", account, "API", "")


def test_cluster_is_compared_with_the_states_of_all_its_stacks_and_one_reading_of_iam(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    states = [state_of(tmp_path, "a", "one", "two"), state_of(tmp_path, "b", "two", "denied"), state_of(tmp_path, "c")]
    found = drift.drift_of_fleet(drift.FleetStates(states))
    assert sorted(recorder.compared) == [("one", "a"), ("two", "ab")]
    assert len(recorder.iam) == 1
    assert [each.cluster for each in found["a"].access] == ["one", "two"]
    assert found["b"].access[1].not_evaluated.startswith("cluster denied: AccessDenied")
    assert found["c"].access == ()
    assert recorder.described == []


def test_states_of_one_cluster_are_united_although_their_credentials_differ(tmp_path, monkeypatch):
    """Each of the credentials reads the cluster, and compares it with the same states."""
    recorder = Recorder(monkeypatch)
    states = [
        state_of(tmp_path, "a", "one"),
        state_of(tmp_path, "b", "one", AWS_PROFILE="tokyo"),
        state_of(tmp_path, "c", "one", "two", AWS_PROFILE="audit"),
    ]
    drift.drift_of_fleet(drift.FleetStates(states))
    assert sorted(recorder.compared) == [("one", "abc")] * 3 + [("two", "c")]
    assert recorder.described == ["one"] * 3


def test_clusters_of_the_same_name_in_two_accounts_are_not_united(tmp_path, monkeypatch):
    """The ARN of a state counts without a request."""
    recorder = Recorder(monkeypatch)
    states = [
        state_of(tmp_path, "a", "one", ACCOUNT="111111111111"),
        state_of(tmp_path, "b", "one", ACCOUNT="222222222222"),
        state_of(tmp_path, "c", "one", ACCOUNT="333333333333", arn=living("one", "222222222222").arn),
    ]
    drift.drift_of_fleet(drift.FleetStates(states))
    assert recorder.compared == [("one", "a"), ("one", "bc"), ("one", "bc")]
    assert recorder.described == ["one"] * 2


def test_cluster_that_other_credentials_cannot_read_is_compared_with_its_own_states(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    states = [state_of(tmp_path, "a", "denied"), state_of(tmp_path, "b", "denied", AWS_PROFILE="tokyo")]
    found = drift.drift_of_fleet(drift.FleetStates(states))
    assert recorder.compared == []
    assert all(found[stack].access[0].not_evaluated for stack in "ab")


def test_selected_stack_is_compared_with_the_states_of_the_whole_fleet(tmp_path, monkeypatch):
    """Clusters and stacks that are not selected are not reported, also with other credentials."""
    recorder = Recorder(monkeypatch)
    states = [
        state_of(tmp_path, "a", "one"),
        state_of(tmp_path, "b", "one", "two"),
        state_of(tmp_path, "c", "one", AWS_PROFILE="tokyo"),
    ]
    found = drift.drift_of_fleet(drift.FleetStates(states, left_out=("b", "c")))
    assert recorder.compared == [("one", "abc")]
    assert list(found) == ["a"]


def test_access_in_no_state_is_not_decided_while_a_state_of_the_fleet_is_missing(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    states = drift.FleetStates([state_of(tmp_path, "a", "one")], missing=("b",))
    (clean,) = drift.drift_of_fleet(states)["a"].access
    assert not clean.is_drift()
    recorder.unmanaged = (BY_HAND,)
    (found,) = drift.drift_of_fleet(states)["a"].access
    assert (found.unmanaged, found.difference.changes) == ((), ())
    (not_evaluated,) = map(str, found.difference.not_evaluated)
    assert not_evaluated == (
        "whether ClusterRoleBinding by-hand is in a state: the state of b was not compared, and may declare it"
    )
    assert found.is_drift()
    assert not found.is_drift(allow_not_evaluated=True)


def test_access_in_no_state_is_not_decided_if_a_state_of_the_fleet_cannot_be_compared(tmp_path, monkeypatch):
    recorder = Recorder(monkeypatch)
    recorder.unmanaged = (BY_HAND,)
    states = [state_of(tmp_path, "a", "one"), state_without_cluster(tmp_path, "b")]
    found = drift.drift_of_fleet(drift.FleetStates(states, left_out=("b",)))
    assert found["a"].access[0].unmanaged == ()
    assert "the state of b was not compared" in str(found["a"].access[0].difference.not_evaluated)


def test_access_in_no_state_is_not_decided_if_other_credentials_cannot_read_a_cluster_of_the_name(
    tmp_path, monkeypatch
):
    recorder = Recorder(monkeypatch)
    recorder.unmanaged = (BY_HAND,)
    states = [state_of(tmp_path, "a", "one"), state_of(tmp_path, "b", "one", ACCOUNT="denied")]
    found = drift.drift_of_fleet(drift.FleetStates(states, left_out=("b",)))
    assert "the state of b was not compared" in str(found["a"].access[0].difference.not_evaluated)


def test_environments_are_compared_at_the_same_time(tmp_path, monkeypatch):
    """Each comparison waits until the other one runs."""
    barrier = threading.Barrier(2, timeout=30)

    def run_in(_environment, _function, comparison):
        barrier.wait()
        return {state.stack: StackPreview(state.stack) for state in comparison.states}

    monkeypatch.setattr(drift, "run_in", run_in)
    states = [state_of(tmp_path, name, AWS_PROFILE=name) for name in ("a", "b")]
    assert list(drift.drift_of_fleet(drift.FleetStates(states), concurrency=2)) == ["a", "b"]


ROLE = access_graphs.arn("role/deploy")


def iam_state(tmp_path, *more):
    role = {
        "urn": "urn:pulumi:roles::p::aws:iam/role:Role::deploy",
        "type": "aws:iam/role:Role",
        "custom": True,
        "inputs": {"name": "deploy", "assumeRolePolicy": json.dumps(PODS_TRUST), "path": "/"},
        "outputs": {"arn": ROLE, "name": "deploy", "path": "/"},
    }
    component = {"urn": "urn:pulumi:roles::p::eks-identity:index:PipelineRole::deploy", "custom": False}
    file = tmp_path / "roles.json"
    resources = [{**component, "type": "eks-identity:index:PipelineRole"}, role, *more]
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    return drift.FleetStates([stack_states.StackState("roles", file)])


@pytest.fixture
def account(monkeypatch):
    """Return a function that sets the trust policy of the living role, and compares it with a state."""

    def compare(states, trust):
        role = IamPrincipal(ROLE, trust_policy=trust)
        graph = replace(Objects(principals={ROLE: role}).graph(), cluster=Part.not_read("cluster", "no cluster"))
        monkeypatch.setattr("eks_access.sources.live.open_account", lambda **_options: graph)
        monkeypatch.setattr(drift, "run_in", lambda _environment, function, comparison: function(comparison))
        return drift.drift_of_fleet(states)["roles"].access[0]

    return compare


def test_stack_with_iam_alone_is_compared_with_the_account(tmp_path, account):
    assert not account(iam_state(tmp_path), PODS_TRUST).is_drift()
    everybody = {**PODS_TRUST["Statement"][0], "Principal": "*"}
    found = account(iam_state(tmp_path), {**PODS_TRUST, "Statement": [*PODS_TRUST["Statement"], everybody]})
    assert found.is_drift(allow_not_evaluated=True)
    assert [sentence for change in found.difference.changes for sentence in change.sentences()] == [
        f"role {ROLE} may be assumed by every AWS principal"
    ]
    assert found.restored


def test_policy_of_a_role_of_another_stack_is_not_evaluated(tmp_path, account):
    attachment = {
        "urn": "urn:pulumi:roles::p::aws:iam/rolePolicyAttachment:RolePolicyAttachment::other",
        "type": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "inputs": {"role": "other", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
    }
    found = account(iam_state(tmp_path, attachment), PODS_TRUST)
    assert "RolePolicyAttachment other: not compared: its role, user or group" in str(found.difference.not_evaluated[0])
    assert not found.is_drift(allow_not_evaluated=True)


def test_bindings_of_an_unknown_cluster_are_not_compared(tmp_path, account):
    binding = {
        "urn": "urn:pulumi:roles::p::kubernetes:rbac.authorization.k8s.io/v1:RoleBinding::b",
        "type": "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    }
    found = account(iam_state(tmp_path, binding), PODS_TRUST)
    assert found.not_evaluated.startswith("the stack names no cluster, and declares what may decide access")


def test_comparison_runs_in_a_process_with_the_variables_of_the_stack(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    variables = (("AWS_PROFILE", "tokyo"), ("AWS_REGION", "eu-west-1"))
    assert stack_states.run_in(variables, os.getenv, "AWS_PROFILE") == "tokyo"
    assert stack_states.run_in(variables, os.getenv, "AWS_REGION") == "eu-west-1"
    assert os.environ["AWS_REGION"] == "ap-northeast-1"
