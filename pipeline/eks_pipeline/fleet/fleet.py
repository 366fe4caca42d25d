"""A fleet: the stacks of a run, and which of them must succeed before which."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eks_pipeline.errors import SettingsFileError, UnknownStackError, UsageError
from eks_pipeline.fleet import fleet_file, settings_file
from eks_pipeline.fleet.fleet_file import STACK_NAME, FleetFile, Group, StackEntry
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.order import AFTER, CANARY, REFERENCE, Order, closure, cycles, with_canaries
from eks_pipeline.fleet.project_file import read_projects
from eks_pipeline.fleet.state_location import shared_state_errors, shared_states


@dataclass(frozen=True)
class Fleet:
    """The stacks of a run by name, in the order of the file."""

    stacks: Mapping[str, FleetStack]
    predecessors: Order = field(default_factory=dict)
    """For each stack, those that must succeed before it, with the reason: `after`, `stack reference` or `canary`."""
    concurrency: int = 1
    group_concurrency: Mapping[str, int] = field(default_factory=dict)
    complete_fleet: Fleet | None = None
    """The fleet of the file, if only some of its stacks are selected."""
    ignored_stacks: tuple[str, ...] = ()
    """Stacks of the same projects, as `PROJECT/STACK` with `*`, that run outside of the fleet on purpose."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """Stacks of the file that are not selected."""
        return (
            ()
            if self.complete_fleet is None
            else tuple(name for name in self.complete_fleet.stacks if name not in self.stacks)
        )

    def with_concurrency(self, limit: int) -> Fleet:
        """Return the fleet with another limit of stacks that run at the same time."""
        return replace(self, concurrency=limit)

    def without_order(self) -> Fleet:
        """Return the fleet for previews, which change nothing and may run in any order."""
        return replace(self, predecessors={})

    def reversed(self) -> Fleet:
        """Return the fleet for deletions: a stack is deleted after those that refer to it."""
        turned: dict[str, dict[str, str]] = {}
        for name, others in self.predecessors.items():
            for other, reason in others.items():
                if reason != CANARY:
                    turned.setdefault(other, {})[name] = reason
        canaries = {other for others in self.predecessors.values() for other, why in others.items() if why == CANARY}
        return replace(self, predecessors=with_canaries(turned, self.stacks, canaries))

    def selected(self, names: Iterable[str]) -> Fleet:
        """Return the fleet of some stacks; an order through others remains. Raises `UsageError` for unknown names."""
        groups = {stack.group for stack in self.stacks.values()}
        chosen: set[str] = set()
        for name in names:
            if name not in self.stacks and name not in groups:
                listed = ", ".join(list(self.stacks)[:10])
                raise UsageError(
                    f"--stack {name!r} must be a stack or a group of the fleet\n  fix: pass one of {listed}"
                )
            chosen |= {each.name for each in self.stacks.values() if name in {each.name, each.group}}
        stacks = {name: stack for name, stack in self.stacks.items() if name in chosen}
        predecessors = {
            name: {
                other: self.predecessors[name].get(other, AFTER)
                for other in closure(self.predecessors, [name]) & chosen
            }
            for name in stacks
            if name in self.predecessors
        }
        return replace(self, stacks=stacks, predecessors=predecessors, complete_fleet=self)

    def only(self, names: Iterable[str]) -> Fleet:
        """Return the fleet of some stacks of the file, selected or not, without an order: they are only read."""
        complete = self.complete_fleet or self
        return replace(
            complete, stacks={name: complete.stacks[name] for name in names}, predecessors={}, complete_fleet=complete
        )

    def left_out_followers(self) -> dict[str, str]:
        """Return the stacks that are not selected and follow selected ones, each with how it follows which."""
        if self.complete_fleet is None:
            return {}
        without_canaries = {
            name: {other: reason for other, reason in others.items() if reason != CANARY}
            for name, others in self.complete_fleet.predecessors.items()
        }
        found = {}
        for name in self.left_out:
            followed = [other for other in self.stacks if other in closure(without_canaries, [name])]
            if followed:
                found[name] = ", ".join(f"{other} ({without_canaries[name].get(other, AFTER)})" for other in followed)
        return found


def open_fleet(file: Path) -> Fleet:
    """Return the fleet of a file. Raises `FleetFileError` with all errors: names, duplicates, settings and cycles."""
    content, errors = fleet_file.read(file)
    stacks = {name: _stack(name, entry or StackEntry(), content, file) for name, entry in content.stacks.items()}
    errors += shared_state_errors(stacks.values())
    for stack in stacks.values():
        try:
            check(stack)
        except UsageError as error:
            errors.append(f"stacks.{stack.name}: {error}")
    predecessors = _order(content, stacks)
    errors += cycles(predecessors)
    if errors:
        raise fleet_file.fleet_error(file, errors)
    canaries = _members(content.canary, stacks)
    limits = {name: group.concurrency for name, group in content.groups.items() if group and group.concurrency}
    order = with_canaries(predecessors, stacks, canaries)
    return Fleet(stacks, order, content.concurrency, limits, ignored_stacks=content.ignored_stacks)


def list_of_stacks(names: Iterable[str], project: Path, config_file: Path | None, concurrency: int = 4) -> Fleet:
    """Return the fleet of stacks of one project that are named on the command line. They have no order."""
    stacks = {name: FleetStack(name, name, project) for name in names}
    for stack in stacks.values():
        check(stack)  # also with `config_file`, so that a misspelt name creates no stack
    for each in shared_states(stacks.values()):
        rule = f"must be another stack than --stack {each.first.name}: {each}"
        raise UsageError(f"--stack {each.second.name} {rule}\n  fix: remove one of them")
    if config_file is not None:
        stacks = {name: replace(stack, config_file=config_file) for name, stack in stacks.items()}
        settings_file.check(config_file)
    return Fleet(stacks, {}, concurrency)


def check(stack: FleetStack) -> None:
    """Raise `UnknownStackError` for a stack without a settings file, and `SettingsFileError` for an invalid one."""
    if not re.fullmatch(STACK_NAME, stack.stack):
        rule = "must be letters, digits, '-', '_' and '.', at most 100 (Pulumi)"
        raise UsageError(f"stack {stack.stack!r} {rule}\n  fix: pass NAME, or ORGANIZATION/PROJECT/NAME")
    if not os.path.isdir(stack.project):  # noqa: PTH112 - Path.is_dir fails for a name that is too long
        rule = f"project {stack.project} must be a folder"
        raise UsageError(f"stack {stack.stack!r}: {rule}\n  fix: pass the folder of its Pulumi.yaml")
    if not os.path.isfile(stack.settings):  # noqa: PTH113 - as above
        found = (
            Path(file).name.removeprefix("Pulumi.").removesuffix(".yaml")
            for file in glob.glob("Pulumi.*.yaml", root_dir=stack.project)  # noqa: PTH207 - as above
        )
        raise UnknownStackError(
            f"stack {stack.stack!r}: no settings file {stack.settings.name} in {stack.settings.parent}\n"
            f"  fix: pass one of {', '.join(sorted(found)) or '(none yet)'}, or create that file"
        )
    settings_file.check(stack.settings)


def _stack(name: str, entry: StackEntry, content: FleetFile, file: Path) -> FleetStack:
    folder = file.resolve().parent
    return FleetStack(
        name,
        entry.stack or name,
        (folder / (entry.project or content.project)).resolve(),
        entry.group,
        None if entry.config_file is None else (folder / entry.config_file).resolve(),
        entry.environment,
    )


def _order(content: FleetFile, stacks: Mapping[str, FleetStack]) -> dict[str, dict[str, str]]:
    """Return which stacks must succeed before which, by `after` and by stack references in settings."""
    found: dict[str, dict[str, str]] = {}
    projects = read_projects(stacks.values())
    by_full_name = {
        f"{projects[each.project].name}/{each.stack.rpartition('/')[2]}": name for name, each in stacks.items()
    }
    for name, stack in stacks.items():
        group = content.groups.get(stack.group or "") or Group()
        entry = content.stacks[name] or StackEntry()
        before = dict.fromkeys(sorted(_members((*entry.after, *group.after), stacks)), AFTER)
        for text in _settings_texts(stack):
            _, separator, rest = text.partition("/")
            if separator and (other := by_full_name.get(rest)) is not None:
                before.setdefault(other, REFERENCE)
        if before:
            found[name] = before
    return found


def _members(names: Iterable[str], stacks: Mapping[str, FleetStack]) -> set[str]:
    """Return the stacks of names of stacks and groups."""
    selected = set(names)
    return {each.name for each in stacks.values() if {each.name, each.group} & selected}


def _settings_texts(stack: FleetStack) -> Iterator[str]:
    """Yield the texts in the settings of a stack. Settings that cannot be read are reported by `check`."""
    try:
        yield from _texts(settings_file.config(stack.settings))
    except SettingsFileError:
        return


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
