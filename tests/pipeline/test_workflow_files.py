"""The workflows of example 14: valid by the schemas of GitHub and GitLab, with least permissions and pinned actions."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from eks_identity.model.pipeline_jobs import GitHubJobs
from support.ci_files import BASH, EXAMPLE, GITLAB, WORKFLOWS, gitlab_jobs, gitlab_script, only_job, scripts_of

PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+(,.*)?")
PERMISSIONS = {
    "access-preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
    "access-up": {"actions": "read", "contents": "read", "id-token": "write", "pull-requests": "read"},
    "access-drift": {"contents": "read", "id-token": "write", "issues": "write"},
}
"""Each permission is used: the comment, the artifact of another run, the merged pull request, the issue."""


def documents():
    return {file.stem: yaml.safe_load(file.read_text()) for file in WORKFLOWS}


def check(schema, file, *options):
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", schema, *options, file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_workflow_of_github_is_valid(file):
    checked = check("vendor.github-workflows", file)
    assert checked.returncode == 0, checked.stdout


def test_pipeline_of_gitlab_is_valid(tmp_path):
    """The file, and its jobs with what they extend: the schema accepts anything in a hidden job."""
    resolved = tmp_path / GITLAB.name
    resolved.write_text(yaml.safe_dump({**gitlab_jobs(), "workflow": yaml.safe_load(GITLAB.read_text())["workflow"]}))
    for file in (GITLAB, resolved):
        checked = check("vendor.gitlab-ci", file, "--data-transform", "gitlab-ci")
        assert checked.returncode == 0, checked.stdout


def test_schemas_reject_an_invalid_file(tmp_path):
    text = WORKFLOWS[0].read_text()
    assert "id-token: write" in text
    (tmp_path / "workflow.yaml").write_text(text.replace("id-token: write", "id-token: admin"))
    assert check("vendor.github-workflows", tmp_path / "workflow.yaml").returncode == 1
    jobs = gitlab_jobs()
    jobs["drift"]["id_tokens"] = {"AWS_TOKEN": {"audience": "sts.amazonaws.com"}}
    (tmp_path / "gitlab.yml").write_text(yaml.safe_dump(jobs))
    assert check("vendor.gitlab-ci", tmp_path / "gitlab.yml").returncode == 1


def test_permissions_are_the_least():
    """A workflow has none, and its job has only those that its steps use."""
    assert {name: only_job(document)["permissions"] for name, document in documents().items()} == PERMISSIONS
    assert {name: document["permissions"] for name, document in documents().items()} == {
        name: {} for name in PERMISSIONS
    }


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit(file):
    used = re.findall(r"uses: .*", file.read_text())
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_same_action_has_the_same_commit_everywhere():
    used = {line.strip(" -") for file in WORKFLOWS for line in re.findall(r"uses: \S+", file.read_text())}
    actions = [line.partition("@")[0] for line in used]
    assert sorted(actions) == sorted(set(actions))


@pytest.mark.parametrize(("name", "document"), documents().items(), ids=documents())
def test_jobs_have_a_timeout_and_a_concurrency_group_and_keep_no_token(name, document):
    """Only previews may be cancelled: an update that is cancelled leaves a part undone."""
    job = only_job(document)
    assert job["timeout-minutes"] <= 60
    assert document["concurrency"]["cancel-in-progress"] == (name == "access-preview")
    checkout = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["persist-credentials"] is False


def test_no_long_lived_key_and_no_secret_but_the_passphrase():
    texts = "".join(file.read_text() for file in (*WORKFLOWS, GITLAB))
    assert "AWS_ACCESS_KEY_ID" not in texts
    assert "AWS_SECRET_ACCESS_KEY" not in texts
    assert set(re.findall(r"secrets\.(\w+)", texts)) == {"PULUMI_CONFIG_PASSPHRASE"}


def test_only_jobs_of_the_protected_environment_have_the_deploy_role():
    """The `sub` claims of the jobs are those that the roles of the example trust."""
    roles = {}
    for name, document in documents().items():
        step = next(step for step in only_job(document)["steps"] if "configure-aws" in step.get("uses", ""))
        roles[name] = (only_job(document).get("environment"), step["with"]["role-to-assume"])
    preview, deploy = "${{ vars.PREVIEW_ROLE_ARN }}", "${{ vars.DEPLOY_ROLE_ARN }}"
    assert roles == {
        "access-preview": (None, preview),
        "access-drift": (None, preview),
        "access-up": ("prod", deploy),
    }
    assert GitHubJobs("a/b", environment="prod").subject == "repo:a/b:environment:prod"
    jobs = gitlab_jobs()
    assert {name: job["variables"]["AWS_ROLE_ARN"] for name, job in jobs.items()} == {
        "preview": "$PREVIEW_ROLE_ARN",
        "drift": "$PREVIEW_ROLE_ARN",
        "up": "$DEPLOY_ROLE_ARN",
    }
    assert [name for name, job in jobs.items() if "environment" in job] == ["up"]
    assert all(job["id_tokens"] == {"AWS_TOKEN": {"aud": "sts.amazonaws.com"}} for job in jobs.values())


SCRIPTS = {
    **{f"{name}: {step}": script for name, each in documents().items() for step, script in scripts_of(each).items()},
    **{f"gitlab: {name}": gitlab_script(name) for name in gitlab_jobs()},
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_scripts_are_valid_shell_without_expressions(script):
    """An expression in a script would be code: the title of a pull request, for example. Scripts read variables."""
    assert "${{" not in script
    checked = subprocess.run([*BASH, "-n", "-c", script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(("kind", "file"), [("aws", "read-policy.json"), ("kubernetes", "read-cluster-role.yaml")])
def test_roles_read_what_eks_access_prints(kind, file):
    command = [Path(sys.executable).with_name("eks-access"), "diff", "--permissions", kind]
    assert (EXAMPLE / file).read_text() == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_readme_lists_the_variables_of_the_workflows():
    used = set(re.findall(r"vars\.(\w+)", "".join(file.read_text() for file in WORKFLOWS)))
    readme = (EXAMPLE / "README.md").read_text()
    assert [name for name in sorted(used) if f"`{name}`" not in readme] == []
