"""What new inputs ask for that the state is not, and whether AWS can change it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.aws.check import chosen
from lab.plugins.aws.resource_spec import Property, ResourceSpec
from lab.plugins.values import UNKNOWN, contains_unknown


@dataclass(frozen=True)
class Change:
    """One property that differs."""

    name: str
    replaces: bool
    added: bool
    removed: bool
    is_input: bool = True


@dataclass(frozen=True)
class Difference:
    changes: tuple[Change, ...]
    delete_first: bool

    @property
    def replaces(self) -> list[str]:
        return [change.name for change in self.changes if change.replaces]


def compare(
    row: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any], ignored: Collection[str] = ()
) -> Difference:
    """Compare `news` with `state`, all but the `ignored` properties.

    `news` holds `tagsAll` beside the inputs, where the type has tags. A property that AWS chooses where the program
    gives none differs only if it is given.
    """
    changes = [change for each in row.all_properties if (change := _change(each, state, news, ignored))]
    return Difference(tuple(changes), _only_one(row, state, news))


def _change(
    each: Property, state: Mapping[str, Any], news: Mapping[str, Any], ignored: Collection[str]
) -> Change | None:
    comparable = each.is_input or each.name == "tagsAll"
    if not comparable or each.name in ignored:
        return None
    old, new = state.get(each.name), news.get(each.name)
    if new is None and (each.computed or old is None):
        return None
    if each.once and isinstance(new, Mapping) and isinstance(old, Mapping):
        new = {key: value for key, value in new.items() if key in old or key not in each.once}
    if new is not None and not contains_unknown(new) and each.form.same(old, new):
        return None
    if new is None and each.form.same(old, each.default):
        return None
    return Change(
        name=each.name,
        replaces=(each.replaces and not _new_region_of_old_state(each, old)) or _once_differs(each, old, new),
        added=old is None,
        removed=new is None,
        is_input=each.is_input,
    )


def _once_differs(each: Property, old: Any, new: Any) -> bool:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return False
    return any(name in new and old.get(name) != new[name] for name in each.once)


def _new_region_of_old_state(each: Property, old: Any) -> bool:
    # States of older versions of the official plugin have no region: it says nothing about a move.
    return each.name == "region" and old is None


def _only_one(row: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether a replacement would meet what it replaces: AWS allows one, and all that tells them apart is the same."""
    if not row.only_one:
        return False
    for name in row.only_one:
        new = news.get(name)
        if chosen(news, name) and row.name and name == row.name.property:
            return False  # the engine asks for a new name when it replaces
        if new is not None and (new is UNKNOWN or not row.by_name[name].form.same(state.get(name), new)):
            return False
    return True
