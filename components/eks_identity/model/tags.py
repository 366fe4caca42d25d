"""Validation of AWS tags at preview, by the rules that IAM and EKS apply in the middle of an update."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eks_identity.errors import Problem
from eks_identity.model import limits

_TEXT = re.compile(r"[\w .:/=+@-]*")
_ANY = re.compile(r".*", re.DOTALL)
_RESERVED = "aws:"


def problems(
    tags: Mapping[str, object], *, keys_have_case: bool = False, any_characters: bool = False
) -> list[Problem]:
    """Return the problems of tags. Values that are not strings are unresolved Outputs, and are not checked.

    To IAM, `Team` and `team` are the same key; to EKS and EC2, with `keys_have_case`, they differ. EC2 accepts
    `any_characters`.

    Source: IAM user guide, "Tags for IAM resources: rules"; EKS user guide, "Tag restrictions"; EC2 user guide, "Tag
    your Amazon EC2 resources: Tag restrictions".
    """
    text, noun = (_ANY, "characters") if any_characters else (_TEXT, "letters, digits, spaces and _.:/=+@-")
    tag_problems = []
    if len(tags) > limits.TAGS:
        rule = f"must have at most {limits.TAGS} tags (AWS)"
        tag_problems.append(Problem("", rule, f"{len(tags)} tags", f"remove {len(tags) - limits.TAGS} of them"))
    first_keys: dict[str, str] = {}
    for key, value in tags.items():
        if not 1 <= len(key) <= limits.TAG_KEY or not text.fullmatch(key):
            rule = f"must be a key of 1 to {limits.TAG_KEY} {noun} (AWS)"
            tag_problems.append(Problem(key, rule, key, "rename the tag"))
        elif key.lower().startswith(_RESERVED):
            rule = f"must not begin with {_RESERVED}, which AWS reserves"
            tag_problems.append(Problem(key, rule, key, "rename the tag"))
        elif not keys_have_case and first_keys.setdefault(key.lower(), key) != key:
            rule = "must be a unique key, whatever its case (IAM)"
            tag_problems.append(Problem(key, rule, key, f"remove this tag or {first_keys[key.lower()]}"))
        if isinstance(value, str) and (len(value) > limits.TAG_VALUE or not text.fullmatch(value)):
            rule = f"must have at most {limits.TAG_VALUE} {noun} (AWS)"
            tag_problems.append(Problem(key, rule, value, "shorten it, and remove the other characters"))
    return tag_problems
