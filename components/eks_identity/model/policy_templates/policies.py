"""From what is said of an entry to its policy document: every problem at once, or JSON."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import limits, names
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.policy_templates.entries import ENTRIES
from eks_identity.model.policy_templates.entry import Entry, Scope
from eks_identity.model.policy_templates.fields import Field
from eks_identity.model.policy_templates.statements import document

_OWN = ("name", "all_resources")


def policy_documents(given: Sequence[Mapping[str, Any]], partition: Partition) -> dict[str, str]:
    """The policy document of each of `given` as compact JSON, by the entry's name, for a role of `partition`.

    Each of `given` has the keys of `PolicyTemplateArgs`. Refuses, all at once: an entry that is unknown or there twice,
    a field that it needs and does not get, or would ignore, an ARN of another kind, of another partition or for
    everything, and documents that are longer together than a role has room for.
    """
    made: dict[str, str] = {}
    with Problems() as problems:
        problems.parse("", require_each_once, [one.get("name") for one in given])
        for index, one in enumerate(given):
            text = problems.parse(f"[{index}]", policy_document, one, partition)
            if text is not None:
                made[one["name"]] = text
        size = sum(map(len, made.values()))
        if size > limits.INLINE_POLICIES:
            rule = f"inline policies of a role have at most {limits.INLINE_POLICIES} characters together (IAM)"
            problems.add("", rule, f"{size} characters", "use a second role, or name fewer resources")
    return made


def policy_document(given: Mapping[str, Any], partition: Partition) -> str:
    """The policy document of one entry as compact JSON; see `policy_documents`."""
    checked = check(given, partition=partition)
    return document(find(given["name"]).statements(Scope(partition, checked)))


def check(given: Mapping[str, Any], late: Sequence[str] = (), *, partition: Partition | None = None) -> dict[str, Any]:
    """The fields of an entry, checked. `late` names those that are given, but whose value is not known yet.

    In lists, None stands for an item that is not known yet. Without `partition`, each ARN's own is taken.
    """
    entry = find(given.get("name"))
    checked: dict[str, Any] = {}
    with Problems() as problems:
        everything = given.get("all_resources", False)
        if everything and not entry.can_open:
            rule = f"a field that {entry.name} reads; it has none that can mean everything"
            problems.add("all_resources", rule, everything, "take it out")
        checked["all_resources"] = everything
        for name, value in given.items():
            if name in _OWN:
                continue
            if name not in entry.fields:
                problems.extend([_unread(entry, name, value)])
            else:
                checked[name] = _checked(problems, entry, entry.fields[name], value, partition, everything=everything)
        groups = [[one] for one in entry.always] + ([] if everything else list(entry.needs))
        for group in groups:
            if not any(given.get(one.name) or one.name in late for one in group):
                problems.extend([_missing(entry, group, partition or AWS)])
        for name in late:
            if name not in entry.fields and name not in _OWN:
                problems.extend([_unread(entry, name, "an Output")])
    return checked


def find(name: object) -> Entry:
    """The entry called `name`; refuses one that the catalogue does not have with the nearest that it has."""
    found = ENTRIES.get(name) if isinstance(name, str) else None
    if found is None:
        near = difflib.get_close_matches(str(name), ENTRIES, n=1)
        fix = f"did you mean {near[0]}?" if near else "write the policy as statements or as a document of your own"
        raise InvalidInput([Problem("name", f"an entry of the catalogue: {', '.join(ENTRIES)}", name, fix)])
    return found


def entry_of_addon(addon: str) -> Entry | None:
    """The entry of an EKS add-on, None where the catalogue has none."""
    return next((entry for entry in ENTRIES.values() if entry.addon == addon), None)


def require_each_once(entries: Sequence[object]) -> None:
    """Refuses entries that are named twice: their policies would have one name."""
    with Problems() as problems:
        for index, name in enumerate(entries):
            if name in entries[:index]:
                fix = "name the resources of both in one of them"
                problems.add(f"[{index}].name", "each entry of the catalogue once a role", name, fix)


def _checked(
    problems: Problems, entry: Entry, one: Field, value: Any, partition: Partition | None, *, everything: bool
) -> Any:
    if one.is_flag:
        return problems.parse(one.name, names.flag, value)
    if not one.is_list:
        return problems.parse(one.name, one.check, value)
    if not isinstance(value, (list, tuple)):
        problems.add(one.name, f"a list, each a {one.what}", value, "write a list, also for one item")
        return []
    found = []
    for index, item in enumerate(value):
        if item is None:
            continue
        under, opens = f"{one.name}[{index}]", one in entry.opening
        taken = problems.parse(under, one.check, item, partition=partition, all_resources=everything, can_open=opens)
        if item in value[:index]:
            problems.add(under, f"each {one.what} once", item, "take the repeated one out")
        found.append(taken)
    return found


def _unread(entry: Entry, name: str, value: object) -> Problem:
    reads = ", ".join(entry.fields) or "none"
    rule = f"a field that {entry.name} reads: {reads}"
    return Problem(name, rule, value, "take it out: it would do nothing")


def _missing(entry: Entry, group: Sequence[Field], partition: Partition) -> Problem:
    which = " or ".join(one.name for one in group)
    rule = f"{entry.name} needs {which}, so that it may touch nothing else"
    examples = " or ".join(one.shown_example(partition) for one in group)
    opt_in = "" if group[0] in entry.always else "; or set all_resources to True, if all of them are meant"
    return Problem(group[0].name, rule, None, f"give {which}, such as {examples}{opt_in}")
