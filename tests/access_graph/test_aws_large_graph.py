"""Questions about AWS evaluate each role once, not once for each service account."""

import pytest

from eks_access.questions.aws import permission_differences, workload_sessions
from eks_access.questions.aws.aws_changes import aws_changes
from eks_access.questions.aws.who_can_in_aws import who_can_in_aws
from eks_access.questions.aws.workload_sessions import WorkloadSessions
from support.large_access_graphs import large_objects


@pytest.fixture
def calls(monkeypatch):
    """The number of calls of the costly functions by name."""
    counted = {}

    def count(module, name):
        function = getattr(module, name)

        def counting(*arguments, **options):
            counted[name] = counted.get(name, 0) + 1
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, counting)

    count(permission_differences, "contains")
    count(workload_sessions, "effective_permissions")
    count(workload_sessions, "_find")
    return counted


def test_only_service_accounts_that_name_a_role_are_evaluated(calls):
    sessions = WorkloadSessions(large_objects(accounts=2_000, roles=10).graph())
    assert len(sessions.all()) == 50
    assert len(sessions.all()) == 50
    assert calls == {"_find": 50}


def test_diff_compares_the_policies_of_each_role_once(calls):
    before, after = (large_objects(accounts=2_000, roles=10, action=action) for action in ("s3:GetObject", "s3:Get*"))
    found = aws_changes(before.graph(), after.graph())
    assert (len(found.changes), found.unchanged) == (25, 25)
    assert calls["effective_permissions"] == 20
    few = calls["contains"]
    calls.clear()
    before, after = (large_objects(accounts=2_000, roles=20, action=action) for action in ("s3:GetObject", "s3:Get*"))
    aws_changes(before.graph(), after.graph())
    assert calls["contains"] == 2 * few


def test_who_can_shows_one_path_of_each_subject_and_role():
    graph = large_objects(accounts=2_000, roles=10, bindings=20, namespaces=2).graph()
    found = who_can_in_aws(graph, "s3:GetObject", "arn:aws:s3:::bucket-1")
    assert all("ns-" in path.subject or ":role/app-1" in path.subject for path in found.paths)
    through_pods = [path for path in found.paths if any(step.startswith("may create pods") for step in path.steps)]
    assert through_pods
    assert len({(path.subject, path.steps[0]) for path in through_pods}) == len(through_pods)
