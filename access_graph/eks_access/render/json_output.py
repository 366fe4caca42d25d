"""Results as JSON. `schema()` is the schema of everything that the commands print with `--json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from eks_access.findings import Trace
from eks_access.graph.tables import NotRead
from eks_access.questions.adoption.check import AdoptionCheck
from eks_access.questions.adoption.declarations import Adoption
from eks_access.questions.check import Check
from eks_access.questions.diff import Difference
from eks_access.questions.escalations import Escalations
from eks_access.questions.explain import Explanation
from eks_access.questions.list_mappings import MappingList
from eks_access.questions.picture.model import Picture
from eks_access.questions.what_can import WhatCan
from eks_access.questions.who_can import WhoCan

VERSION = 1
"""Version of the format. A field may be added within a version; a change of meaning makes a new one."""


@dataclass(frozen=True)
class Answer:
    """What a command prints with `--json`."""

    version: int
    source: str
    """The source in words."""
    trace: Trace | None = None
    mappings: MappingList | None = None
    who_can: WhoCan | None = None
    what_can: WhatCan | None = None
    difference: Difference | None = None
    explanation: Explanation | None = None
    escalations: Escalations | None = None
    picture: Picture | None = None
    check: Check | None = None
    adoption: Adoption | None = None
    adoption_check: AdoptionCheck | None = None
    not_read: tuple[NotRead, ...] = ()
    """What the source could not read and the question needed."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of objects that the question read, such as the date of a document."""


def answer_json(answer: Answer) -> str:
    """Return an answer as JSON. Fields without a value are left out."""
    plain = _without_none(msgspec.to_builtins(answer))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()


def schema() -> dict[str, Any]:
    """Return the JSON schema of `Answer`."""
    return msgspec.json.schema(Answer)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value
