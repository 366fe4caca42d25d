"""The YAML lists of aws-auth, as the authenticator reads them. `yaml_edits.py` edits them.

Source: aws-iam-authenticator 0.6.13, `pkg/mapper/configmap` (YAML to JSON to structs); Go's `encoding/json`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from yaml.error import MarkedYAMLError, YAMLError

from eks_identity.errors import MalformedDocumentError
from eks_identity.model import go_values, go_yaml

# Texts that the authenticator skips although they are not lists.
_EMPTY = {"", "``", '""', "''"}
_GO_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
FIX = "\n  fix: correct {key} with `kubectl -n kube-system edit configmap aws-auth`; nothing was written"
"""The end of the message about a list that cannot be edited."""
BREAKS = ("\r", "\n", "\x85", "\u2028", "\u2029")
"""Line breaks of YAML."""
_LINE = re.compile("[^{0}]*(?:\r\n|[{0}])|[^{0}]+$".format("".join(BREAKS)))


@dataclass(frozen=True)
class Item:
    """An item as the authenticator decodes it: fields that are missing or not strings are empty."""

    arn: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Rules that the parts break which the authenticator does not read."""


def items(text: str, key: str, arn_field: str) -> list[Item]:
    """Return the items, none for an empty text. Raises `MalformedDocumentError` if the authenticator reads no item."""
    return [_item(value, arn_field) for value in load(text, key)]


def scalars(text: str, key: str) -> list[str | None]:
    """Return the strings that the authenticator reads from a list of scalars, with None for items it does not read."""
    if is_skipped(text):
        return []
    try:
        return go_values.strings(text)
    except YAMLError as error:
        raise _malformed(key, error) from None


def has_ignored_documents(text: str) -> bool:
    """Return whether the text has a second document, which the authenticator ignores."""
    try:
        rest = "" if is_skipped(text) else text[go_yaml.parse(text).end :]
    except YAMLError:
        return False
    return any(line.partition("#")[0].strip() not in {"", "---", "..."} for line in lines(rest))


def _malformed(key: str, error: YAMLError | str) -> MalformedDocumentError:
    reason = str(error)
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        reason = f"line {error.problem_mark.line + 1}: {error.problem}"
    rule = (
        f"{key} of ConfigMap kube-system/aws-auth cannot be parsed by the authenticator, so it has no effect: {reason}"
    )
    return MalformedDocumentError(f"{rule}{FIX.format(key=key)}")


def is_skipped(text: str) -> bool:
    """Return whether the authenticator skips the text, although it is not a list."""
    return text.strip(_GO_BLANKS) in _EMPTY


def lines(text: str) -> list[str]:
    """Return the lines of a YAML text, with their ends."""
    return _LINE.findall(text)


def load(text: str, key: str) -> list[go_values.Value]:
    """Return the values of the list. Raises `MalformedDocumentError` if the authenticator reads no item."""
    if is_skipped(text):
        return []
    try:
        content = go_values.load(text)
    except YAMLError as error:
        raise _malformed(key, error) from None
    if content is None:
        return []
    if not isinstance(content, list) or text.lstrip(_GO_BLANKS).startswith("{"):
        raise _malformed(key, f"it must be a list of entries, and is {json.dumps(content)}")
    return content


def _item(value: go_values.Value, arn_field: str) -> Item:
    if not isinstance(value, dict):
        return Item(ignored=(f"must be a mapping with {arn_field}, username and groups",))
    texts = {arn_field: "", "username": ""}
    groups: list[str] = []
    ignored: list[str] = []
    # Go sorts the names and ignores their case. Of two equal names, the later one wins.
    for name in sorted(value):
        field, content = name.casefold(), value[name]
        if field in texts:
            if isinstance(content, str):
                texts[field] = content
            elif content is not None:
                ignored.append(f"must have a string as {name}, in quotes: {_json(content)} is read as an empty one")
        elif field == "groups":
            if content is None:
                groups = []
            elif isinstance(content, list):
                groups = [_group(each, groups[at] if at < len(groups) else "") for at, each in enumerate(content)]
                ignored += [
                    f"must have a string as {name}[{at}], in quotes: {_json(each)} is read as an empty one"
                    for at, each in enumerate(content)
                    if not isinstance(each, str)
                ]
            else:
                ignored.append(f"must have a list as {name}: {_json(content)} sets no group")
    return Item(texts[arn_field], texts["username"], tuple(groups), tuple(ignored))


def _group(value: go_values.Value, before: str) -> str:
    return value if isinstance(value, str) else before


def _json(value: go_values.Value) -> str:
    return json.dumps(value, ensure_ascii=False)
