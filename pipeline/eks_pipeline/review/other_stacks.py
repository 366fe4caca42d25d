"""The stacks of a fleet's projects that the fleet file does not have, and that have resources.

A stack that was removed from the fleet file still exists: its access stays, and no run of the fleet looks at it. The
engine lists the stacks of each project and backend once, however many stacks the fleet has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from eks_pipeline.errors import OperationFailedError
from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.project_file import read_projects
from eks_pipeline.fleet.state_location import Backend, StateLocation, locate
from eks_pipeline.review.sentences import some
from eks_pipeline.review.stack_preview import OtherStack, OtherStacks
from eks_pipeline.stack.stack_list import ListedStack, list_stacks

FIX = "add it to `stacks` or `ignored_stacks` of the fleet file, or destroy it"


def find_other_stacks(fleet: Fleet) -> OtherStacks:
    """Return the stacks that neither `stacks` nor `ignored_stacks` of the fleet file has. `fleet` is a whole one."""
    projects = read_projects(fleet.stacks.values())
    listings: dict[tuple[Backend, str], tuple[StateLocation, FleetStack]] = {}
    own: dict[tuple[str, str], list[StateLocation]] = {}
    for stack in fleet.stacks.values():
        location = locate(stack, projects[stack.project])
        listings.setdefault((location.backend, location.project), (location, stack))
        own.setdefault((location.project, location.stack), []).append(location)
    with ThreadPoolExecutor(fleet.concurrency) as pool:
        results = list(pool.map(_list, listings.values()))
    found: set[OtherStack] = set()  # of Pulumi Cloud, two users can list the same stack
    not_listed = []
    for (location, _), result in zip(listings.values(), results, strict=True):
        if isinstance(result, OperationFailedError):
            not_listed.append(f"project {location.project} in {location.backend}: {result}")
            continue
        for each in filter(lambda listed: listed.has_resources, result):
            other = location.named(each.name)
            is_own = any(other.may_be(one) for one in own.get((other.project, other.stack), ()))
            if not is_own and not _is_ignored(other, fleet.ignored_stacks):
                found.add(OtherStack(_name(other), each.resource_count, location.backend.url))
    ordered = sorted(found, key=lambda each: (each.stack, each.backend))
    return OtherStacks(tuple(ordered), tuple(not_listed))


def other_stack_sentences(other: OtherStacks) -> list[str]:
    """Return the stacks in few sentences, for a terminal."""
    names = [_described(each) for each in other.stacks]
    one = "a stack" if len(names) == 1 else f"{len(names)} stacks"
    stacks = [f"{one} that the fleet file does not have: {some(names)}; {FIX}"] if names else []
    return [*stacks, *_not_listed(other)]


def other_stack_lines(other: OtherStacks) -> list[str]:
    """Return one line for each stack, for a comment."""
    return [*(f"{_described(each)}: not evaluated; {FIX}" for each in other.stacks), *_not_listed(other)]


def _list(listing: tuple[StateLocation, FleetStack]) -> Sequence[ListedStack] | OperationFailedError:
    location, stack = listing
    try:
        return list_stacks(stack.project, location.project, stack.environment)
    except OperationFailedError as error:
        return error


def _is_ignored(location: StateLocation, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(f"{location.project}/{location.stack}", pattern) for pattern in patterns)


def _name(location: StateLocation) -> str:
    organization = f"{location.organization}/" if location.organization else ""
    return f"{organization}{location.project}/{location.stack}"


def _described(stack: OtherStack) -> str:
    count = "resources" if stack.resources is None else f"{stack.resources} resource{'s' * (stack.resources != 1)}"
    return f"{stack.stack} ({count}{f' in {stack.backend}' if stack.backend else ''})"


def _not_listed(other: OtherStacks) -> list[str]:
    return [f"stacks that the fleet file does not have, of {reason}" for reason in other.not_listed]
