"""The comparison of a fresh preview with its review, and the gate of updates without a review."""

from dataclasses import replace

import pytest

from eks_access.graph.tables import NotRead
from eks_pipeline.errors import ApprovalRequiredError, ExitCode, UsageError
from eks_pipeline.report import PolicyFinding
from eks_pipeline.review import stack_preview
from eks_pipeline.review.access import digest
from eks_pipeline.review.approval import parse_categories, require_approval
from eks_pipeline.review.comparison import differences
from eks_pipeline.review.stack_preview import SECRET, UNKNOWN, ClusterAccess, FailedPreview, FleetPreview
from support.stack_previews import BUCKETS, NOT_READ, OPERATOR, access, gains, lockout, loses, preview, step


def test_equal_previews_have_no_difference():
    one, other = (preview(access(gains(), loses()), steps=(step(tags={"a": 1}),)) for _ in range(2))
    assert differences(one, other) == []


def test_a_stack_without_a_review_differs():
    assert differences(None, preview()) == ["stack dev was not reviewed"]


def test_stack_whose_preview_failed_in_the_review_says_so():
    failed = FailedPreview(("error: no such cluster\n  fix: create it", "error: no region"))
    assert differences(None, preview(), failed) == [
        "the preview of stack dev failed in the review: error: no such cluster; error: no region"
    ]


def test_a_change_of_access_that_was_not_reviewed_is_named():
    found = differences(preview(access(loses())), preview(access(gains())))
    lost, gained = (text.removeprefix("access to cluster eks-clu: ") for text in found)
    assert lost == "reviewed, and not now: service account default/test-sa loses s3:Get*, s3:List* on *"
    sentence = f"{OPERATOR} gains get, list, watch on pods and nodes, whole cluster"
    assert gained == f"now, and not reviewed: {sentence}"


APPLIED = {
    "nothing to do": (access(), (), {"program": "a"}, True),
    "program has changed": (access(), (), {"program": "b"}, False),
    "a step remains": (access(), (step(tags={"a": 1}),), {"program": "a"}, False),
    "access remains": (access(loses()), (), {"program": "a"}, False),
    "cluster not evaluated": (ClusterAccess("eks-clu", not_evaluated="no mode"), (), {"program": "a"}, False),
    "part not evaluated": (access(not_evaluated=(NOT_READ,)), (), {"program": "a"}, True),
}


@pytest.mark.parametrize(("now", "steps", "inputs", "is_applied"), APPLIED.values(), ids=APPLIED)
def test_update_that_was_applied_already_has_no_difference(now, steps, inputs, is_applied):
    """The job of a fleet runs again after one of its stacks has failed."""
    undecided = (PolicyFinding("not-decided", "advisory", "known after the update", "urn:a"),)
    reviewed = replace(
        preview(access(gains()), steps=(step(tags={"a": 1}),), policies=undecided), inputs={"program": "a"}
    )
    fresh = replace(preview(now, steps=steps), inputs=inputs)
    assert (differences(reviewed, fresh) == []) is is_applied


def test_access_without_permissions_that_was_not_reviewed_is_named():
    mapped = replace(gains(), gained=(), had_access=False)
    assert differences(preview(access()), preview(access(mapped))) == [
        f"access to cluster eks-clu: now, and not reviewed: {OPERATOR} has access"
    ]


def test_a_lockout_that_was_not_reviewed_is_named():
    (found,) = differences(preview(access()), preview(access(lockouts=(lockout(),))))
    assert "now, and not reviewed: cluster eks-clu" in found


def test_access_that_is_no_longer_evaluated_differs():
    undecided = preview(access(not_evaluated=(NOT_READ,)))
    assert differences(preview(access()), undecided) == [
        "access to cluster eks-clu: not evaluated now: Pod Identity Agent: not in the preview"
    ]
    assert differences(undecided, preview(access())) == []
    failed = preview(ClusterAccess("eks-clu", not_evaluated="no mode"))
    assert differences(preview(access()), failed) == ["access to cluster eks-clu: not evaluated now: no mode"]
    assert differences(failed, failed) == []


def test_access_that_is_evaluated_now_for_the_first_time_must_have_been_reviewed():
    (found,) = differences(preview(ClusterAccess("eks-clu", not_evaluated="no mode")), preview(access(gains())))
    assert f"now, and not reviewed: {OPERATOR} gains" in found


VALUES = {
    "equal": ({"path": "/"}, {"path": "/"}, None),
    "changed": ({"path": "/"}, {"path": "/a/"}, "path: '/' reviewed, '/a/' now"),
    "added": ({}, {"path": "/"}, "path: None reviewed, '/' now"),
    "nested": ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b: 1 reviewed, 2 now"),
    "longer": ({"a": [1]}, {"a": [1, 2]}, "a: [1] reviewed, [1, 2] now"),
    "unknown for the review": ({"arn": UNKNOWN}, {"arn": "arn:aws:iam::1:role/a"}, None),
    "unknown now": ({"arn": "arn:1"}, {"arn": UNKNOWN}, f"arn: 'arn:1' reviewed, '{UNKNOWN}' now"),
    "secret": ({"password": SECRET}, {"password": SECRET}, None),
    "secret now": ({"password": "a"}, {"password": SECRET}, f"password: 'a' reviewed, '{SECRET}' now"),
}


@pytest.mark.parametrize(("reviewed", "fresh", "difference"), VALUES.values(), ids=VALUES)
def test_values_of_a_step_are_compared(reviewed, fresh, difference):
    found = differences(preview(steps=(step(**reviewed),)), preview(steps=(step(**fresh),)))
    assert found == ([] if difference is None else [f"update aws:iam/role:Role sa-role: {difference}"])


def test_a_step_that_was_not_reviewed_is_named():
    found = differences(preview(steps=(step(),)), preview(steps=(step(operation="replace"), step("other"))))
    assert found == [
        "reviewed, and not now: update aws:iam/role:Role sa-role",
        "now, and not reviewed: replace aws:iam/role:Role sa-role",
        "now, and not reviewed: update aws:iam/role:Role other",
    ]


def test_a_secret_counts_as_changed_if_the_settings_changed_since_the_review():
    secret = (step(a=[{"password": SECRET}]),)
    reviewed, fresh = (preview(steps=secret, inputs={"settings": each}) for each in ("1", "2"))
    (found,) = differences(reviewed, fresh)
    reason = "a[0].password is a secret, which cannot be compared, and changed since: settings"
    assert found == f"update aws:iam/role:Role sa-role: {reason}"
    without = [replace(each, steps=(step(),)) for each in (reviewed, fresh)]
    assert differences(*without) == []


def test_a_policy_finding_that_was_not_reviewed_is_named():
    finding = PolicyFinding("no-wildcards", "advisory", "do not", "urn:a")
    assert differences(preview(), preview(policies=(finding,))) == [
        "now, and not reviewed: policy no-wildcards (advisory): do not urn:a"
    ]


def test_a_written_preview_is_read_again(tmp_path):
    file = tmp_path / "preview.json"
    fleet = FleetPreview(
        stacks=(preview(access(gains(), lockouts=(lockout(),)), steps=(step(a=1),)),),
        failed={"a": FailedPreview(("b",))},
    )
    stack_preview.write(fleet, file)
    assert stack_preview.read_fleet(file) == fleet
    file.write_text('{"version": 2}')
    with pytest.raises(UsageError, match="must have version 1, and has 2"):
        stack_preview.read_fleet(file)
    file.write_text("[]")
    with pytest.raises(UsageError, match="must be a preview of eks-pipeline"):
        stack_preview.read_fleet(file)


GATED = {
    "broadened": (access(gains()), "broadened: arn:aws:iam::123456789012:user/eks-ope gains get, list, watch"),
    "narrowed": (access(loses()), "narrowed: service account default/test-sa loses s3:Get*, s3:List* on *"),
    "lockout": (access(lockouts=(lockout(),)), "lockout: cluster eks-clu: no administrator"),
    "not-evaluated": (access(not_evaluated=(NOT_READ,)), "not evaluated: Pod Identity Agent"),
}


@pytest.mark.parametrize(("category", "found", "reason"), [(key, *value) for key, value in GATED.items()])
def test_update_of_a_category_needs_an_approval_of_exactly_this_change(category, found, reason):
    with pytest.raises(ApprovalRequiredError) as error:
        require_approval(preview(found), parse_categories(category), ())
    assert reason in str(error.value)
    assert error.value.exit_code is ExitCode.APPROVAL_REQUIRED
    assert f"--approve {digest([found])}" in str(error.value)
    require_approval(preview(found), parse_categories(category), [digest([found])])
    others = [name for name in GATED if name != category]
    require_approval(preview(found), parse_categories(",".join(others)), ())
    with pytest.raises(ApprovalRequiredError):
        require_approval(preview(found), parse_categories(category), [digest([access(gains("b", BUCKETS))])])


def test_a_narrower_access_needs_no_approval():
    require_approval(preview(access(loses())), parse_categories("broadened, lockout,escalation"), ())


def test_access_that_could_not_be_evaluated_at_all_needs_an_approval_of_any_category():
    unknown = preview(ClusterAccess("eks-clu", not_evaluated="no mode"))
    with pytest.raises(ApprovalRequiredError, match="no mode"):
        require_approval(unknown, parse_categories("lockout"), ())
    require_approval(unknown, (), ())


def test_digest_does_not_depend_on_the_order_of_what_is_not_evaluated():
    other = NotRead("a", "b")
    assert digest([access(not_evaluated=(NOT_READ, other))]) == digest([access(not_evaluated=(other, NOT_READ))])


def test_unknown_category_is_an_error():
    with pytest.raises(UsageError, match="must be a list of broadened, narrowed, lockout, escalation, not-evaluated"):
        parse_categories("broad")
