"""The commands `eks-access trace serviceaccount` and `trace pod`, asked about a snapshot."""

import json

import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.errors import UsageError
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.workload_breaks.changes import role_in_other_account
from support.workload_chains import ACTION, OTHER_ACCOUNT, POD, RESOURCE, ROLE_ARN, SUBJECT, irsa

POD_NAME = "/".join(POD)
S3 = ("--action", ACTION, "--resource", RESOURCE)


@pytest.fixture
def snapshot(tmp_path):
    def save(data):
        path = tmp_path / "snapshot.json"
        save_snapshot(take_snapshot(data.graph()), path)
        return str(path)

    return save


def run(*arguments):
    return CliRunner().invoke(commands, ["trace", *arguments])


@pytest.mark.parametrize("subject", [("serviceaccount", "default/test-sa"), ("pod", POD_NAME)])
def test_healthy_workload_exits_with_0(snapshot, subject):
    """A chain without fault exits with 0, and says what is not visible."""
    done = run(*subject, *S3, "--source", snapshot(irsa()))
    assert done.exit_code == 0, done.output
    assert f"bucket policy of {RESOURCE} was not read" in done.output


@pytest.mark.parametrize("subject", [("serviceaccount", "default/test-sa"), ("pod", POD_NAME)])
def test_broken_workload_exits_with_1_and_prints_the_fix(snapshot, subject):
    """A misspelt subject exits with 1, and the fix is one line."""
    data = irsa()
    data.edit_trust(SUBJECT, f"{SUBJECT}s")
    done = run(*subject, "--profile", "ops", "--source", snapshot(data))
    assert done.exit_code == 1
    (fix,) = [line for line in done.output.splitlines() if line.startswith("  fix:")]
    assert "aws --profile ops iam update-assume-role-policy --role-name sa-role --policy-document '{" in fix


PROFILES = {
    "profile of that account": (["--account", f"{OTHER_ACCOUNT}=other"], "aws --profile other iam "),
    "role of that account": (["--account", f"{OTHER_ACCOUNT}=arn:aws:iam::{OTHER_ACCOUNT}:role/reader"], "aws iam "),
    "no option for that account": ([], "aws iam "),
}


@pytest.mark.parametrize(("options", "command"), PROFILES.values(), ids=PROFILES)
def test_fix_in_another_account_has_the_profile_of_that_account(snapshot, options, command):
    """The profile of the cluster's account is not that of a role of another account."""
    data = irsa()
    role_in_other_account(data)
    arguments = ("serviceaccount", "default/test-sa", "--profile", "ops", *options, "--source", snapshot(data))
    done = run(*arguments)
    (fix,) = [line for line in done.output.splitlines() if line.startswith("  fix:")]
    assert fix.startswith(f"  fix:       {command}create-open-id-connect-provider")
    assert f"credentials of account {OTHER_ACCOUNT}" in " ".join(done.output.split())
    comment, line = run(*arguments, "--output", "fix").output.splitlines()
    assert comment == f"# with credentials of account {OTHER_ACCOUNT}:"
    assert line.startswith(command)


def test_json_has_the_links_of_a_workload(snapshot):
    """With --json, each link has its verdict."""
    done = run("pod", POD_NAME, *S3, "--json", "--source", snapshot(irsa()))
    links = {link["name"]: link for link in json.loads(done.output)["trace"]["links"]}
    assert links["role"]["says"] == ROLE_ARN
    assert {link["verdict"] for link in links.values()} == {"holds"}


@pytest.mark.parametrize("text", ["test-sa", "default/", "/test-sa", "a/b/c"])
def test_name_without_namespace_is_a_usage_error(snapshot, text):
    """The argument must be NAMESPACE/NAME."""
    done = run("serviceaccount", text, "--source", snapshot(irsa()))
    assert isinstance(done.exception, UsageError)
    assert "NAMESPACE/NAME" in str(done.exception)
