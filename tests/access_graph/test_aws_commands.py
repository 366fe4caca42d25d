"""The commands `eks-access who-can` and `what-can`, queried about AWS in a snapshot."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.errors import UsageError
from eks_access.questions.diff import diff
from eks_access.render.json_output import schema
from eks_access.render.markdown import markdown
from eks_access.render.pages import difference_page
from eks_access.sources.snapshot import save_snapshot, take_snapshot
from support.workload_chains import ACTION, POD, RESOURCE, ROLE_ARN, irsa, irsa_statement


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "snapshot.json"
    save_snapshot(take_snapshot(irsa().graph()), path)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(commands, arguments)


def test_who_can_takes_an_iam_action(snapshot):
    done = run("who-can", ACTION, RESOURCE, "--output", "md", "--source", snapshot)
    assert done.exit_code == 0, done.output
    assert (
        f"| ✔ | service account default/test-sa (pods {POD[1]}) | annotation eks.amazonaws.com/role-arn" in done.output
    )
    assert "resource-based policies are not read" in done.output


def test_who_can_json_has_the_documented_schema(snapshot):
    done = run("who-can", ACTION, RESOURCE, "--json", "--source", snapshot)
    answer = json.loads(done.output)
    jsonschema.validate(answer, schema())
    (account,) = [path for path in answer["who_can"]["paths"] if path["kind"] == "service account"]
    assert account["pods"] == [POD[1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("s3:Get*", RESOURCE), "without wildcards"),
        (("s3:", RESOURCE), "must be one action of IAM"),
        ((ACTION, "my-bucket"), "must be the ARN of a resource"),
        ((ACTION, RESOURCE, "-n", "default"), "do not apply to the IAM action"),
    ],
)
def test_who_can_rejects_what_is_no_request_of_iam(snapshot, arguments, message):
    done = run("who-can", *arguments, "--source", snapshot)
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)


def test_what_can_shows_both_sides(snapshot):
    done = run("what-can", "default/test-sa", "--source", snapshot)
    assert done.exit_code == 0, done.output
    assert "s3:Get*, s3:List*" in done.output
    assert f"in AWS, as {ROLE_ARN} by annotation eks.amazonaws.com/role-arn" in done.output
    assert "in the cluster, as username" in done.output
    answer = json.loads(run("what-can", ROLE_ARN, "--json", "--source", snapshot).output)
    jsonschema.validate(answer, schema())
    (permission,) = answer["what_can"]["in_aws"]
    assert permission == {"actions": ["s3:Get*", "s3:List*"], "resources": ["*"], "scope": ""}


def test_what_can_says_that_a_service_account_has_no_identity_in_aws(snapshot):
    done = run("what-can", "default/other-sa", "--source", snapshot)
    assert "service account default/other-sa has no identity in AWS" in done.output


@pytest.mark.parametrize(
    ("subject", "note"),
    [
        ("default/missing", "namespace default has no service account missing"),
        ("arn:aws:iam::123456789012:user/missing", "IAM has no principal arn:aws:iam::123456789012:user/missing"),
    ],
)
def test_what_can_says_that_its_subject_does_not_exist(snapshot, subject, note):
    assert f"note: {note}" in run("what-can", subject, "--source", snapshot).output


def test_the_page_of_a_difference_has_permissions_and_trusted_principals():
    after = irsa()
    after.set_role(attached_policies=())
    after.set_trust(irsa_statement(), irsa_statement("system:serviceaccount:web:app"))
    text = markdown(difference_page(diff(irsa().graph(), after.graph())))
    assert "| - | service account default/test-sa |  | s3:Get\\*, s3:List\\* on \\* |" in text
    assert "| + | role sa-role | may be assumed by service account web/app |  |" in text
