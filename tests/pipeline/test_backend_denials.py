"""Errors of a backend and of a secrets provider: denials, and a state that cannot be read."""

import pytest
from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

from eks_pipeline.errors import BackendAccessError, StateFileError
from eks_pipeline.report import Operation
from eks_pipeline.stack import failures
from eks_pipeline.stack.job import Job

USER = "arn:aws:iam::123456789012:user/ci"
KEY = "arn:aws:kms:ap-northeast-1:123456789012:key/3dfbfdf0-042f-42fa-bf22-ca86580f1184"
STATE = "arn:aws:s3:::states/.pulumi/stacks/tiny/a.json"


def explain(text, folder, operation=Operation.UP):
    error = create_command_error(auto.CommandResult(stdout="", stderr=f"error: {text}", code=255))
    return failures.explain(error, Job(name="a", stack="a", project=folder, operation=operation, folder=folder))


def aws_error(call, action, resource):
    """Return AWS's denial as the engine and providers print it."""
    why = f"User: {USER} is not authorized to perform: {action} on resource: {resource} because no policy allows it"
    return f"operation error {call}, https response error StatusCode: 403, RequestID: 1, api error AccessDenied: {why}"


DECRYPT = aws_error("KMS: Decrypt", "kms:Decrypt", KEY)
ENCRYPT = aws_error("KMS: Encrypt", "kms:Encrypt", KEY)
PUT = aws_error("S3: PutObject", "s3:PutObject", f'"{STATE}"')
LIST = aws_error("S3: ListObjectsV2", "s3:ListBucket", '"arn:aws:s3:::states"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"getting stack configuration: get stack secrets manager: secrets (code=Unknown): {DECRYPT}",
            f"kms:Decrypt on {KEY}, the key that encrypts the secrets of stack 'a'",
        ),
        (f"2 errors occurred:\n    1) {PUT}", f"s3:PutObject on {STATE}, the backend of stack 'a'"),
        (
            f"could not list bucket: blob (code=PermissionDenied): {LIST}",
            "s3:ListBucket on arn:aws:s3:::states, the backend of stack 'a'",
        ),
    ],
)
def test_denial_by_the_backend_names_principal_action_and_resource(text, expected, tmp_path):
    error = explain(text, tmp_path)
    assert isinstance(error, BackendAccessError)
    assert str(error).startswith(
        f"{USER} must be allowed {expected}\n  fix: allow it in the policies of that principal"
    )


def test_preview_of_a_new_stack_without_permission_to_write_says_how_to_create_it(tmp_path):
    """A preview writes nothing else, and a role for previews should not get the permission."""
    error = explain(PUT, tmp_path, Operation.PREVIEW)
    assert isinstance(error, BackendAccessError)
    assert str(error).startswith(f"stack 'a' does not exist, and {USER} must be allowed s3:PutObject on {STATE}")
    assert "fix: run `eks-pipeline refresh` for it once" in str(error)
    assert "s3:ListBucket on arn:aws:s3:::states, the backend" in str(
        explain(f"(code=PermissionDenied): {LIST}", tmp_path, Operation.PREVIEW)
    )


def test_preview_without_a_data_key_in_the_settings_says_how_to_create_it(tmp_path):
    """The engine encrypts a data key only where the settings have none. A role for previews needs no kms:Encrypt."""
    text = f"secrets (code=Unknown): {ENCRYPT}"
    error = explain(text, tmp_path, Operation.PREVIEW)
    assert isinstance(error, BackendAccessError)
    assert str(error).startswith(
        f"the settings of stack 'a' have no encryptedkey, and {USER} must be allowed kms:Encrypt on {KEY} to create it"
    )
    assert "fix: run `eks-pipeline refresh` for the stack once" in str(error)
    assert f"kms:Encrypt on {KEY}, the key that" in str(explain(text, tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        f"creating S3 Bucket Policy: {aws_error('S3: PutBucketPolicy', 's3:PutBucketPolicy', 'arn:aws:s3:::reports')}",
        aws_error("KMS: DescribeKey", "kms:DescribeKey", KEY),
        "no stack named 'a' found",
    ],
)
def test_denial_of_a_call_of_the_program_is_not_one_of_the_backend(text, tmp_path):
    assert explain(text, tmp_path) is None


@pytest.mark.parametrize(
    ("stdout", "expected"),
    [
        ("", "error: no passphrase"),
        ("{}", "error: no passphrase"),
        ('{"diagnostics": [{"message": "a\\n"}, {"message": "b"}]}', "error: no passphrase\na\nb"),
        ("no JSON", "error: no passphrase\nno JSON"),
    ],
)
def test_failure_without_events_has_the_errors_of_the_engine_and_not_its_json(stdout, expected):
    error = create_command_error(auto.CommandResult(stdout=stdout, stderr="error: no passphrase\n", code=255))
    assert failures.engine_text(error) == expected


def test_state_in_an_unknown_folder_is_explained_with_the_path_in_the_backend(tmp_path, monkeypatch):
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    error = explain("failed to load checkpoint: EOF", tmp_path)
    assert isinstance(error, StateFileError)
    assert "run `rm .pulumi/stacks/PROJECT/a.json.attrs`" in str(error)
