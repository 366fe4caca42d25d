"""Tags of objects in AWS: what IAM and EKS refuse of them, which otherwise is said halfway through an update."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eks_identity.errors import Problem
from eks_identity.model import limits

_TEXT = re.compile(r"[\w .:/=+@-]*")
_RESERVED = "aws:"


def problems(given: Mapping[str, object], *, keys_have_case: bool = False) -> list[Problem]:
    """What is wrong with tags. Values that are no strings come later, and are left alone.

    IAM takes `Team` and `team` for one key; EKS, with `keys_have_case`, for two.

    Source: IAM user guide, "Tags for IAM resources: rules"; EKS user guide, "Tag restrictions".
    """
    found = []
    if len(given) > limits.TAGS:
        found.append(Problem("", f"at most {limits.TAGS} tags (AWS)", f"{len(given)} tags", "remove some"))
    seen: dict[str, str] = {}
    for key, value in given.items():
        if not 1 <= len(key) <= limits.TAG_KEY or not _TEXT.fullmatch(key):
            rule = f"a key of 1 to {limits.TAG_KEY} letters, digits, spaces and _.:/=+@- (AWS)"
            found.append(Problem(key, rule, key, "rename the tag"))
        elif key.lower().startswith(_RESERVED):
            rule = f"keys that begin with {_RESERVED} are AWS's own"
            found.append(Problem(key, rule, key, "rename the tag"))
        elif not keys_have_case and seen.setdefault(key.lower(), key) != key:
            rule = "each key once, whatever its case (IAM)"
            found.append(Problem(key, rule, key, f"take this one or {seen[key.lower()]} out"))
        if isinstance(value, str) and (len(value) > limits.TAG_VALUE or not _TEXT.fullmatch(value)):
            rule = f"at most {limits.TAG_VALUE} letters, digits, spaces and _.:/=+@- (AWS)"
            found.append(Problem(key, rule, value, "shorten it, and take the other characters out"))
    return found
