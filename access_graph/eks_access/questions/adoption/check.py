"""The question "does an adopted program still equal the cluster, and what of the cluster does it leave out?"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.questions.adoption.declarations import NotAdopted
from eks_access.questions.adoption.imports import ImportFile, Registration, import_id

_STATE_ONLY = "LockoutGuard"


@dataclass(frozen=True)
class Change:
    """A difference between the adopted files and the cluster."""

    object: str
    what: str


@dataclass(frozen=True)
class AdoptionCheck:
    """Differences between the adopted files and the cluster."""

    cluster: str
    changes: tuple[Change, ...]
    not_adopted: tuple[NotAdopted, ...]


def program_changes(
    adopted: Sequence[Registration], now: Sequence[Registration], graph: AccessGraph
) -> Iterator[Change]:
    """Yield how what an adopted program registers differs from what an adoption of today would register."""
    before, after = _by_identity(adopted, graph), _by_identity(now, graph)
    for key, registration in after.items():
        if key not in before:
            yield Change(_words(registration), "the program does not declare it")
    for key, registration in before.items():
        if key not in after:
            yield Change(_words(registration), "the cluster does not have it, or not as it can be declared")
        elif different := sorted(_differences(registration.inputs, after[key].inputs)):
            yield Change(_words(registration), f"the cluster differs in {', '.join(different)}")


def settings_changes(adopted: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield how adopted settings differ from the settings of an adoption of today."""
    for section, after in now.items():
        before = adopted.get(section)
        if not isinstance(after, Mapping):
            if before != after:
                yield Change(section, f"is {before!r}, and the cluster has {after!r}")
            continue
        entries = before if isinstance(before, Mapping) else {}
        for name in sorted({*entries, *after}):
            if name not in entries:
                yield Change(f"{section}.{name}", "the settings do not have it")
            elif name not in after:
                yield Change(f"{section}.{name}", "the cluster does not have it, or not as it can be declared")
            elif entries[name] != after[name]:
                yield Change(f"{section}.{name}", "the cluster differs")


def import_changes(adopted: Sequence[Mapping[str, Any]], now: ImportFile) -> Iterator[Change]:
    """Yield the differences between an import file and one of today."""
    before, after = ({_identity(each): each for each in resources} for resources in (adopted, now.resources))
    for key in after.keys() - before.keys():
        yield Change(f"import.json: {key[0]} {key[1]}", "import.json does not have it")
    for key in before.keys() - after.keys():
        yield Change(f"import.json: {key[0]} {key[1]}", "the cluster has no such object")
    for key in before.keys() & after.keys():
        if before[key].get("id") != after[key].get("id"):
            ids = f"{before[key].get('id')!r}, and the cluster has {after[key].get('id')!r}"
            yield Change(f"import.json: {key[0]} {key[1]}", f"has the id {ids}")


def _identity(resource: Mapping[str, Any]) -> tuple[str, str]:
    return (str(resource.get("type")), str(resource.get("logicalName")))


def _by_identity(registrations: Sequence[Registration], graph: AccessGraph) -> dict[tuple[str, str], Registration]:
    """Return the registered objects by what they are in the cluster: names of components make no difference."""
    found = {}
    for each in registrations:
        if each.custom and not each.is_provider and not each.type.endswith(_STATE_ONLY):
            found[each.type, import_id(each, graph) or _own_identity(each)] = each
    return found


def _own_identity(registration: Registration) -> str:
    metadata = registration.inputs.get("metadata") or {}
    return str(registration.inputs.get("arn") or f"{metadata.get('namespace')}/{metadata.get('name')}")


def _words(registration: Registration) -> str:
    return f"{registration.type.rpartition(':')[2]} {registration.name}"


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield the inputs that differ, without the credentials and the kubeconfig."""
    for name in {*one, *other} - {"kubeconfig", "credentials", "__provider", "__secret_inputs"}:
        if one.get(name) != other.get(name):
            yield name
