"""The documents of AWS-managed policies at one date, for stacks: these attach the policies, and have no documents.

`docs/managed_policies.py` writes them from the data of moto. AWS changes the documents, so a remark goes with each
answer that depends on one. Those of other partitions differ, and are not here.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from eks_access.graph.aws_objects import Document

FILE: Final = "aws_managed_policies.json.gz"
_PREFIX: Final = "arn:aws:iam::aws:policy/"


def managed_policy(arn: str) -> Document | None:
    """Return the document of an AWS-managed policy; None for other policies, and for one that the data lack."""
    if not arn.startswith(_PREFIX):
        return None
    document: Document | None = _data()["documents"].get(arn.removeprefix(_PREFIX))
    return document


def remark(arn: str) -> str:
    """Return the date of a document, in words."""
    return f"{arn.removeprefix(_PREFIX)}: the document is that of {_data()['date']}; AWS may have changed it since"


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(files(__package__).joinpath(FILE).read_bytes()))
    return found
