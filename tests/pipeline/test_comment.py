"""The comment of a fleet: access first, the same text for the same preview, and at most what GitHub accepts."""

from dataclasses import replace

from eks_pipeline.report import PolicyFinding
from eks_pipeline.review.comment import LIMIT, comment, marker
from eks_pipeline.review.stack_preview import ClusterAccess, FailedPreview, FleetPreview
from eks_pipeline.review.terminal import sentences
from support.stack_previews import NOT_READ, READ, access, gains, lockout, loses, preview, step

OTHER = "arn:aws:iam::210987654321:user/eks-ope"


def fleet(*stacks, **parts):
    return FleetPreview(stacks=stacks, **parts)


def test_comment_says_who_gains_and_who_loses_access():
    text = comment(fleet(preview(access(gains(), loses()))))
    assert "- eks-ope gains get, list, watch on pods and nodes, whole cluster\n" in text
    assert "- default/test-sa loses s3:Get\\*, s3:List\\* on \\*\n" in text
    assert "- eks-ope: arn:aws:iam::123456789012:user/eks-ope\n" in text


def test_comment_begins_with_its_marker_and_access_comes_first():
    stack = preview(
        access(loses(), gains(), lockouts=(lockout(),), not_evaluated=(NOT_READ,)),
        steps=(step(),),
        policies=(PolicyFinding("no-wildcards", "mandatory", "do not", "urn:a::b"),),
    )
    text = comment(fleet(stack, failed={"prod": FailedPreview(("error: no",))}), "tokyo")
    assert text.startswith("<!-- eks-pipeline preview: tokyo -->\n## Preview of 2 stacks\n")
    headings = ["### Access gained", "### Access lost", "### Lockouts", "### Policy violations", "### Failed previews"]
    headings += ["<summary>Not evaluated: 1 part", "<summary>Resources: 1 step", "<summary>IAM principals"]
    positions = [text.index(heading) for heading in headings]
    assert positions == sorted(positions)
    assert "**1 lockout**; **1 policy violation**; **1 failed preview**." in text
    assert "- mandatory: no-wildcards: do not \\[b\\] (dev)" in text


def test_policies_that_failed_a_preview_are_in_the_comment():
    finding = PolicyFinding("no-wildcards", "mandatory", "do not")
    text = comment(fleet(failed={"prod": FailedPreview(("error: no",), (finding,))}))
    assert "- mandatory: no-wildcards: do not\n" in text


def test_equal_changes_of_several_stacks_are_one_sentence():
    text = comment(fleet(*(preview(access(gains()), stack=f"tokyo-{number}") for number in range(5))))
    assert text.count("eks-ope gains") == 1
    assert "whole cluster (tokyo-0, tokyo-1, tokyo-2 and 2 more)" in text


def test_principals_of_the_same_name_have_their_arns():
    text = comment(fleet(preview(access(gains(), gains(OTHER)))))
    assert "- arn:aws:iam::123456789012:user/eks-ope gains" in text
    assert f"- {OTHER} gains" in text
    assert "IAM principals" not in text


def test_comment_of_a_preview_without_changes_says_so():
    text = comment(fleet(preview(access())))
    assert "Access: no change; resources: no changes." in text
    assert "No change of access." in text
    assert sentences(fleet(preview(access()))) == ["no change of access"]


def test_comment_does_not_say_that_access_stays_where_nothing_was_evaluated():
    """A failed preview has no change of access that could be shown, and is no preview without one."""
    broken = fleet(failed={"prod": FailedPreview(("error: no",))})
    assert "Access: not evaluated; resources: no changes; **1 failed preview**." in comment(broken)
    assert "### Access\n\nAccess not evaluated.\n" in comment(broken)
    assert sentences(broken) == ["access not evaluated"]


def test_comment_limits_no_change_to_the_stacks_that_were_evaluated():
    broken = fleet(preview(access()), failed={"prod": FailedPreview(("error: no",))})
    assert "Access: no change in what was evaluated; " in comment(broken)
    assert "No change of access in what was evaluated.\n" in comment(broken)


def test_clusters_that_were_not_evaluated_are_a_section_and_partial_ones_are_counted():
    unknown = ClusterAccess("eks-clu", not_evaluated="the name is unknown")
    text = comment(fleet(preview(unknown), preview(access(not_evaluated=(NOT_READ,)), stack="prod")))
    assert "Access: no change in what was evaluated, 1 part not evaluated; " in text
    assert "**1 failed evaluation**." in text
    assert "### Access not evaluated\n\n- cluster eks-clu: the name is unknown (dev)\n" in text
    assert "<summary>Not evaluated: 1 part of the access" in text
    unevaluated = "not evaluated: cluster eks-clu: the name is unknown"
    assert sentences(fleet(preview(unknown))) == ["access not evaluated", unevaluated]


def test_comment_of_selected_stacks_names_those_that_are_left_out():
    text = comment(fleet(preview(access()), left_out=("tokyo-1", "tokyo-2", "tokyo-3", "osaka-1")))
    assert "## Preview of 1 of 5 stacks\n" in text
    assert "\nNot selected by `--stack`: tokyo-1, tokyo-2, tokyo-3 and 1 more.\n" in text


def test_a_mapping_without_permissions_is_a_change():
    mapped = replace(gains(), gained=(), had_access=False)
    gone = replace(mapped, had_access=True, has_access=False)
    assert sentences(fleet(preview(access(mapped)))) == ["eks-ope is mapped now, without permissions"]
    assert sentences(fleet(preview(access(gone)))) == ["eks-ope is no longer mapped, without permissions"]


def test_comment_has_no_markup_of_names():
    name = "arn:aws:iam::123456789012:user/<img src=x>|`*_[a](b)"
    text = comment(fleet(preview(access(gains(name)))), "a-->b")
    assert "- \\<img src=x\\>\\|\\`\\*\\_\\[a\\](b) gains" in text
    assert text.startswith("<!-- eks-pipeline preview: a- ->b -->\n")


def test_a_large_comment_counts_what_it_leaves_out():
    """Every section remains, access has the most space, and the text is the same each time."""
    changes = [gains(f"arn:aws:iam::123456789012:user/user-{number}") for number in range(2000)]
    large = preview(
        access(*changes, not_evaluated=tuple(replace(NOT_READ, part=f"part {number}") for number in range(2000))),
        steps=tuple(step(f"role-{number}") for number in range(2000)),
    )
    text = comment(fleet(large))
    assert len(text) <= LIMIT
    assert text == comment(fleet(large))
    assert text.count("more, in preview.json of the run") == 4
    assert text.count("</details>") == 3
    assert text.count(" gains ") > 500


def test_gains_leave_space_for_losses_and_lockouts():
    """However many subjects gain access, the reviewer reads who loses it."""
    changes = [gains(f"arn:aws:iam::123456789012:user/user-{number}") for number in range(2000)]
    lost = [loses(f"service account default/sa-{number}") for number in range(20)]
    text = comment(fleet(preview(access(*changes, *lost, lockouts=(lockout(),)))))
    assert len(text) <= LIMIT
    assert text.count("- default/sa-") == len(lost)
    assert text.count("more, in preview.json of the run") == 2
    assert text.index("### Lockouts\n\n- ") > text.index("### Access lost")


def test_a_long_sentence_is_cut():
    resources = tuple(f"resource-{number}" for number in range(2000))
    text = comment(
        fleet(
            preview(access(gains("a", replace(READ, resources=resources)))),
            failed={"b": FailedPreview(("x" * 99_999,))},
        )
    )
    assert len(text) < 6000
    assert " …" in text


def test_comments_of_any_limit_have_the_marker():
    large = fleet(*(preview(access(gains()), stack=f"s{number}", steps=(step(),)) for number in range(50)))
    for limit in (2000, 5000, LIMIT):
        text = comment(large, "x", limit)
        assert text.startswith(marker("x"))
        assert len(text) <= limit
