"""Rules for the input of IAM that botocore's model does not describe: unique names, tags, and OIDC provider URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from moto.iam.exceptions import DuplicateTags, EntityAlreadyExists, InvalidInput, ValidationError

_RESERVED_PREFIX = "aws:"
_PROVIDER_URL = re.compile(
    r"https://(?P<host>(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9-]+)(?::443)?"
    r"(?P<path>(?:/[a-zA-Z0-9._~%!$&'()*+,;=:@-]*)*)"
)
"""A URL without user information, query, fragment, or a port other than 443."""


def check_new_name(message: str, name: str, existing_names: Iterable[str]) -> None:
    """Reject a name that exists already. IAM does not distinguish names by case.

    Source: IAM API reference, CreateRole: "you cannot create resources named both MyResource and myresource".

    Raises:
        EntityAlreadyExists: with `message`.
    """
    if name.lower() in {existing.lower() for existing in existing_names}:
        raise EntityAlreadyExists(message)


def check_tags(tags: Iterable[Mapping[str, Any]]) -> None:
    """Reject two tags whose keys differ only in case, and keys with AWS's prefix.

    Raises:
        DuplicateTags: two keys are equal.
        InvalidInput: a key is reserved.
    """
    keys = [str(tag["Key"]).lower() for tag in tags]
    if len(set(keys)) < len(keys):
        raise DuplicateTags
    if any(key.startswith(_RESERVED_PREFIX) for key in keys):
        raise InvalidInput(f"{_RESERVED_PREFIX} prefixed tag key names are not allowed for external use.")


def normalize_provider_url(url: str) -> str:
    """Return the URL of an OIDC provider without port 443, which eksctl sends, and without a slash at its end.

    Raises:
        ValidationError: it is not a URL of an OIDC provider.
    """
    match = _PROVIDER_URL.fullmatch(url)
    if match is None:
        raise ValidationError("Invalid Open ID Connect Provider URL")
    return f"https://{match['host'].lower()}{match['path'].rstrip('/')}"
