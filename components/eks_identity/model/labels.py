"""Validation of labels and of keys of annotations, by the rules that the API server applies in the update."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits

_NAME = re.compile(r"[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", re.ASCII)
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LENGTH = 63
_FORM = f"at most {_LENGTH} letters, digits and -_., with a letter or digit at both ends"


def labels(values: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an object; raise `InvalidInput` for those that Kubernetes rejects.

    Source: Kubernetes documentation, "Labels and Selectors: Syntax and character set".
    """
    problems = key_problems(values)
    for key, value in values.items():
        if value and not _is_name(value):
            problems.append(Problem(key, f"must be empty or have {_FORM} (Kubernetes label)", value, "shorten it"))
    if problems:
        raise InvalidInput(problems)
    return dict(values)


def key_problems(values: Mapping[str, str]) -> list[Problem]:
    """Return the problems of the keys of labels or annotations: a name, or a DNS name, a slash and a name."""
    rule = f"must be a key of {_FORM}, after an optional DNS name and a slash (Kubernetes)"
    return [
        Problem(f"the name {key!r}", rule, key, "write app or example.com/app") for key in values if not _is_key(key)
    ]


def _is_key(key: str) -> bool:
    prefix, separator, name = key.rpartition("/")
    is_prefix = len(prefix) <= limits.DNS_SUBDOMAIN and _PREFIX.fullmatch(prefix) is not None
    return _is_name(name) and (is_prefix if separator else True)


def _is_name(text: str) -> bool:
    return len(text) <= _LENGTH and _NAME.fullmatch(text) is not None
