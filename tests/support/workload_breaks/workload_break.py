"""A break of a workload identity chain."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from support.access_graphs import ACCOUNT
from support.workload_chains import ACTION, RESOURCE, GraphData

Change = Callable[[GraphData], None]


@dataclass(frozen=True)
class Break:
    """A break of a healthy chain: one change, with the link and the kind of finding that names it."""

    id: str
    row: str
    """Row of the catalogue of broken links: `B14`."""
    chain: Callable[[], GraphData]
    apply: Change
    link: str
    """Name of the broken link."""
    kind: str
    """Id of the finding."""
    action: str = ACTION
    resource: str = RESOURCE
    traces_pod: bool = True
    account: str = ACCOUNT
    """Account of the credentials that the fix needs."""
    holds: bool = False
    """Whether the link holds all the same: the finding is a trap."""


def breaks(
    row: str, chain: Callable[[], GraphData], link: str, cases: Mapping[str, tuple[Change, str]], **options: Any
) -> Iterator[Break]:
    """Yield breaks of one link. `cases` has the change and the kind of finding by the id of the break."""
    for name, (apply, kind) in cases.items():
        yield Break(name, row, chain, apply, link, kind, **options)
