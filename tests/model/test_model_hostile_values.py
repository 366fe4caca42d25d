"""Values that AWS or Kubernetes rejects in the update are rejected before: found by tests/hostile."""

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model import permissions, statements
from eks_identity.model.annotations import other_annotations
from eks_identity.model.arns import Arn
from eks_identity.model.labels import labels
from eks_identity.model.partitions import partition

AWS = partition("aws")


@pytest.mark.parametrize("key", ["", "/", "a/", "/a", "a b", "-a", "a" * 64, "A.com/a", "a/b/c", "é", "a\n"])
def test_keys_that_kubernetes_rejects_are_rejected(key):
    for parse in (labels, other_annotations):
        with pytest.raises(InvalidInput, match="must be a key"):
            parse({key: "x"})


@pytest.mark.parametrize("value", ["a b", "-a", "a" * 64, "é", "a/b", "a\n"])
def test_label_values_that_kubernetes_rejects_are_rejected(value):
    with pytest.raises(InvalidInput, match="must be empty or have"):
        labels({"app": value})
    assert other_annotations({"app": value}) == {"app": value}


def test_valid_labels_are_accepted():
    valid = {"app": "cart", "app.kubernetes.io/name": "A-b_c.9", "x": "", f"{'a' * 253}/{'b' * 63}": "c" * 63}
    assert labels(valid) == valid


@pytest.mark.parametrize(
    "text", ["ARN:AWS:S3:::FILES/*", "a*:b", "arn:aws:s3:a\r\nX: y::files/*", "arn:*\x00", "arn:aws:S3:::files"]
)
def test_resources_that_iam_rejects_are_rejected(text):
    with pytest.raises(InvalidInput):
        statements.resource(text)


@pytest.mark.parametrize("text", ["arn:aws:iam::\x8eÒ111122223333:role/x", "arn:aws:s3:a b::x", "arn:aws:s3:::x\x7f"])
def test_arns_with_control_characters_are_rejected(text):
    with pytest.raises(InvalidInput, match="six fields"):
        Arn.parse(text)


def test_name_of_a_managed_policy_has_at_most_128_characters():
    assert permissions.managed_policy("v" * 128, AWS).endswith("v")
    with pytest.raises(InvalidInput, match="must be the ARN of a managed policy, or the name"):
        permissions.managed_policy("v" * 129, AWS)


@pytest.mark.parametrize("text", ["[" * 5000, "1" * 5000, '{"a":' * 5000])
def test_policy_documents_that_python_cannot_parse_are_rejected(text):
    """Python has a limit of nesting and of the digits of a number."""
    with pytest.raises(InvalidInput, match="must be JSON"):
        permissions.inline_policy(text)
