"""Compare new inputs with the state, and determine which changes replace the resource. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.aws.check import is_default
from lab.plugins.aws.resource_spec import Property, ResourceSpec
from lab.plugins.values import UNKNOWN, contains_unknown


@dataclass(frozen=True)
class Change:
    """A changed property."""

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
    spec: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any], ignored: Collection[str] = ()
) -> Difference:
    """Compare `news` with `state`, except the `ignored` properties.

    `news` has the inputs, and `tagsAll` if the type has tags. A property with a value that AWS chooses differs only if
    the program sets it.
    """
    changes = [change for prop in spec.all_properties if (change := _change(prop, state, news, ignored))]
    return Difference(tuple(changes), _is_conflicting(spec, state, news))


def _change(
    prop: Property, state: Mapping[str, Any], news: Mapping[str, Any], ignored: Collection[str]
) -> Change | None:
    comparable = prop.is_input or prop.name == "tagsAll"
    if not comparable or prop.name in ignored:
        return None
    old, new = state.get(prop.name), news.get(prop.name)
    if new is None and (prop.computed or old is None):
        return None
    if prop.create_only and isinstance(new, Mapping) and isinstance(old, Mapping):
        new = {key: value for key, value in new.items() if key in old or key not in prop.create_only}
    if new is not None and not contains_unknown(new) and prop.converter.same(old, new):
        return None
    if new is None and prop.converter.same(old, prop.default):
        return None
    return Change(
        name=prop.name,
        replaces=(prop.replaces and not _new_region_of_old_state(prop, old)) or _create_only_differs(prop, old, new),
        added=old is None,
        removed=new is None,
        is_input=prop.is_input,
    )


def _create_only_differs(prop: Property, old: Any, new: Any) -> bool:
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return False
    return any(name in new and old.get(name) != new[name] for name in prop.create_only)


def _new_region_of_old_state(prop: Property, old: Any) -> bool:
    # States of older versions of the official plugin have no region, which does not mean that the region changed.
    return prop.name == "region" and old is None


def _is_conflicting(spec: ResourceSpec, state: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the replaced resource must be deleted first, because no property in `unique_by` changes."""
    if not spec.unique_by:
        return False
    for name in spec.unique_by:
        new = news.get(name)
        if is_default(news, name) and spec.name and name == spec.name.property:
            return False  # the engine requests a new name for a replacement
        if new is not None and (new is UNKNOWN or not spec.by_name[name].converter.same(state.get(name), new)):
            return False
    return True
