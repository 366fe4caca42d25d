"""The policy pack in the real engine: a program that violates every rule, and its clean twin."""

import shutil
import sys
from datetime import date

import pytest
import yaml

from eks_access.catalogue import policies as rules
from support.lab_project import REPOSITORY

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
WITH_BOUNDARY = {"boundary-missing": {"boundary": BOUNDARY}}
OF_CHANGES = {rules.ENTRY_OF_REPLACED_PRINCIPAL, rules.LAST_ADMINISTRATOR_REMOVED, rules.NODE_ROLE_REMOVED}
"""Rules that no first preview can violate."""
DECIDED = [rule for rule in rules.RULES if rule not in OF_CHANGES and rule is not rules.USER_OUTSIDE_IAM]
"""The mappings of other stacks, which a preview does not know, decide the other rule."""


@pytest.fixture(scope="module")
def project(policy_project):
    project = policy_project("violations_program.py")
    project.write_policy_config(WITH_BOUNDARY)
    return project


@pytest.fixture(scope="module")
def runs(project):
    """The previews of both programs."""
    project.set(clean="false")
    violating = project.preview()
    project.set(clean="true")
    return violating, project.preview()


def test_preview_reports_each_rule_with_its_level(runs):
    violating, _ = runs
    levels = {(policy, level) for policy, level, _ in violating.reports if policy != rules.NOT_DECIDED.id}
    assert levels == {(rule.id, rule.level.value) for rule in DECIDED}
    assert violating.has_failed


def test_preview_reports_each_violation_once(runs):
    """Each violation is reported for the resource with which it comes, and not for the resources after it."""
    violating, _ = runs
    counts = {rule.id: len(violating.messages(rule.id)) for rule in DECIDED}
    assert counts == dict.fromkeys(counts, 1)


def test_preview_of_the_clean_program_reports_no_rule(runs):
    _, clean = runs
    assert not clean.has_failed, clean.error
    assert clean.policies() <= {rules.NOT_DECIDED.id}


def test_preview_reports_a_user_whose_mapping_another_stack_may_have(runs):
    violating, _ = runs
    (message,) = [each for each in violating.messages("not-decided") if "user-outside-iam" in each]
    assert "ClusterRoleBinding policies-outside, user bob" in message


def test_exceptions_of_both_settings_accept_violations(project, runs):
    """Those of the policy config and of the stack's settings, also with an unquoted date; overdue and unused ones."""

    def exception(subject, until="2999-12-31"):
        return {"subject": subject, "reason": "tested", "until": until}

    project.write_policy_config(
        WITH_BOUNDARY
        | {
            "trust-no-condition": {"exceptions": [exception("IAM role policies-no-condition")]},
            "rbac-wildcard": {"exceptions": [exception("ClusterRole policies-wildcard", "2020-12-31")]},
            "rbac-node-proxy": {"exceptions": [exception("ClusterRole other")]},
        }
    )
    of_stack = [
        {"rule": "public-endpoint-open", **exception("cluster policies-*", date(2999, 12, 31))},
        {"rule": "secrets-unencrypted", **exception("cluster policies-weak")},
    ]
    project.set(clean="false")
    settings = project.folder / "Pulumi.dev.yaml"
    document = yaml.safe_load(settings.read_text())
    document["config"]["eks-policies:exceptions"] = of_stack
    settings.write_text(yaml.safe_dump(document))
    found = project.preview()
    project.pulumi("config", "rm", "eks-policies:exceptions")
    project.write_policy_config(WITH_BOUNDARY)
    accepted = {"trust-no-condition", "public-endpoint-open", "secrets-unencrypted"}
    assert found.policies() & {rule.id for rule in DECIDED} == {rule.id for rule in DECIDED} - accepted
    assert "rbac-wildcard for ClusterRole policies-wildcard: ended after 2020-12-31" in str(
        found.messages("exception-overdue")
    )
    assert "rbac-node-proxy for ClusterRole other" in str(found.messages("exception-unused"))


def test_unknown_value_is_not_decided_by_the_preview_and_stops_the_update_before_the_role(
    policy_project, policy_cluster
):
    """A mandatory rule that the preview cannot decide stops the update before the resource, and not as advisory."""
    project = policy_project("unknown_program.py")
    preview = project.preview()
    assert not preview.has_failed, preview.error
    (message,) = preview.messages("not-decided")
    assert "trust-no-condition" in message
    assert "not decided before the update" in message
    assert "from aws:iam/openIdConnectProvider:OpenIdConnectProvider main" in message
    update = project.up()
    assert update.has_failed
    assert ("trust-no-condition", "mandatory") in {(policy, level) for policy, level, _ in update.reports}
    names = {role["RoleName"] for role in policy_cluster.iam.list_roles()["Roles"]}
    assert "policies-unknown" not in names
    project.set(clean="true")
    update = project.up()
    assert not update.has_failed, update.error
    assert update.reports == []
    project.stack.destroy()


def test_rules_on_changes_compare_with_the_state(policy_project, policy_cluster):
    project = policy_project("changes_program.py")
    first = project.up()
    assert not first.has_failed, first.error
    assert first.reports == []
    unchanged = project.preview()
    assert unchanged.reports == []
    project.set(changed="true", cluster=policy_cluster.name)
    changed = project.preview()
    assert changed.has_failed
    assert changed.policies("mandatory") == {rule.id for rule in OF_CHANGES}
    project.set(changed="false", cluster=policy_cluster.name)
    project.stack.destroy()


def test_policy_analyze_decides_over_the_state(policy_project):
    """`pulumi policy analyze` reports the same rules for a state that an update without the pack made."""
    project = policy_project("unknown_program.py")
    project.stack.up()
    command = ("pulumi", "policy", "analyze", "--stack", "dev", "--policy-pack", str(project.pack))
    done = project.run("env", "-C", str(project.folder), *command)
    project.stack.destroy()
    assert done.returncode != 0
    assert "trust-no-condition" in done.stdout + done.stderr


def test_pack_in_a_folder_of_the_user_runs_in_its_own_environment(policy_project, tmp_path):
    """The two files of the README in another folder, with the environment in which the distribution is installed."""
    project = policy_project("unknown_program.py")
    folder = tmp_path / "pack"
    folder.mkdir()
    shutil.copy(REPOSITORY / "policies" / "__main__.py", folder)
    options = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
    (folder / "PulumiPolicy.yaml").write_text(f"version: 0.1.0\nruntime: {options}\n")
    project.pack = folder
    found = project.preview()
    assert not found.has_failed, found.error
    assert found.policies() == {"not-decided"}
