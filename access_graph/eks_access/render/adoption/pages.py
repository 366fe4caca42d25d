"""The page of an adoption: what is declared, and what is not, by reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from eks_access.graph.tables import NotRead
from eks_access.questions.adoption.check import AdoptionCheck
from eks_access.questions.adoption.declarations import Adoption, NotAdopted
from eks_access.render.page import Page, PageTable

_SHOWN = 3


def adoption_page(adoption: Adoption, not_read: tuple[NotRead, ...] = (), *, shown: int = _SHOWN) -> Page:
    """Return the page of an adoption. `shown` is the number of objects that are named for each reason."""
    declared = tuple((each.component, each.name, "\n".join(each.objects)) for each in adoption.declarations)
    tables = (
        PageTable(("component", "name", "existing objects"), declared, "declared"),
        _not_adopted(adoption.not_adopted, shown),
    )
    return Page(f"Adoption of cluster {adoption.cluster} as {adoption.form}", tables, not_read=not_read)


def check_page(check: AdoptionCheck, not_read: tuple[NotRead, ...] = ()) -> Page:
    """Return the page of a comparison with the cluster."""
    rows = tuple((each.object, each.what) for each in check.changes)
    tables = (PageTable(("object", "difference"), rows, "changed"), _not_adopted(check.not_adopted, _SHOWN))
    return Page(f"Adoption of cluster {check.cluster}, compared with the cluster", tables, not_read=not_read)


def _not_adopted(objects: Sequence[NotAdopted], shown: int) -> PageTable:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in objects:
        by_reason[each.reason].append(each.object)
    rows = tuple((_some(names, shown), reason) for reason, names in by_reason.items())
    return PageTable(("existing objects", "reason"), rows, "not adopted")


def _some(names: Sequence[str], shown: int) -> str:
    more = len(names) - shown
    return "\n".join([*names[:shown], f"and {more} more"] if more > 1 else names)
