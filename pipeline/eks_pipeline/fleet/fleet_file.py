"""The fleet file: the stacks of a fleet, their groups, and their order.

```yaml
concurrency: 8
canary: [canary]
groups:
  canary: {}
  tokyo: { after: [network], concurrency: 4 }
stacks:
  network: { project: ../network }
  tokyo-canary: { group: canary }
  tokyo-1: { group: tokyo }
```

`pipeline/fleet.schema.json` is its schema. All errors of a file are reported together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from eks_pipeline.errors import FleetFileError
from eks_pipeline.fleet import yaml_document
from eks_pipeline.fleet.yaml_document import YamlError

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""A name is also that of a folder."""
_SEGMENT = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
STACK_NAME = rf"({_SEGMENT}/){{0,2}}{_SEGMENT}"
"""A stack's name, also with its project, and with its organization. Source: Pulumi, `tokens.ParseStackName`."""
StackName = Annotated[str, msgspec.Meta(pattern=f"^{STACK_NAME}$")]
Text = Annotated[str, msgspec.Meta(pattern="^[^\\0]*$")]
"""A text of which a process can have the value: no NUL character."""
VariableName = Annotated[str, msgspec.Meta(pattern="^[^=\\0]+$")]
StackPattern = Annotated[str, msgspec.Meta(pattern="^[^/\\0]+/[^/\\0]+$")]
Concurrency = Annotated[int, msgspec.Meta(ge=1, description="Number of stacks that run at the same time.")]


class StackEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """One stack."""

    group: Annotated[str | None, msgspec.Meta(description="The group that the stack belongs to.")] = None
    after: Annotated[
        tuple[str, ...], msgspec.Meta(description="Stacks and groups that must succeed before this stack starts.")
    ] = ()
    project: Annotated[
        Text | None, msgspec.Meta(description="Folder of the Pulumi project, relative to this file.")
    ] = None
    stack: Annotated[
        StackName | None,
        msgspec.Meta(description="Name of the stack in its backend; by default the name in this file."),
    ] = None
    config_file: Annotated[
        Text | None, msgspec.Meta(description="Settings file instead of Pulumi.<stack>.yaml, relative to this file.")
    ] = None
    environment: Annotated[
        dict[VariableName, Text], msgspec.Meta(description="Environment variables of the engine, such as AWS_PROFILE.")
    ] = {}


class Group(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Stacks that are ordered together."""

    after: Annotated[
        tuple[str, ...], msgspec.Meta(description="Stacks and groups that must succeed before this group starts.")
    ] = ()
    concurrency: Concurrency | None = None


class FleetFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """The stacks of a fleet, their groups, and their order."""

    stacks: Annotated[dict[str, StackEntry | None], msgspec.Meta(description="The stacks by name.")]
    groups: Annotated[dict[str, Group | None], msgspec.Meta(description="The groups by name.")] = {}
    project: Annotated[
        Text, msgspec.Meta(description="Folder of the Pulumi project of all stacks, relative to this file.")
    ] = "."
    canary: Annotated[
        tuple[str, ...], msgspec.Meta(description="Stacks and groups that must succeed before all others start.")
    ] = ()
    concurrency: Concurrency = 4
    ignored_stacks: Annotated[
        tuple[StackPattern, ...],
        msgspec.Meta(
            description="Stacks of the same projects that run outside of this fleet on purpose, as PROJECT/STACK, in "
            "which * is any text. Previews and drift report all others that have resources."
        ),
    ] = ()


def schema() -> dict[str, Any]:
    """Return the JSON schema of a fleet file."""
    return msgspec.json.schema(FleetFile)


def read(file: Path) -> tuple[FleetFile, list[str]]:
    """Return a fleet file without what is wrong in it, and all errors of its form and of its names.

    Raises `FleetFileError` for a file that is no map of stacks at all.
    """
    document, errors = _load(file)
    if not isinstance(document, Mapping):
        raise fleet_error(
            file, [*errors, "the file must be a map with the key stacks\n  fix: write `stacks: {dev: {}}`"]
        )
    stacks = _entries(document, "stacks", StackEntry, errors)
    groups = _entries(document, "groups", Group, errors)
    others = {key: value for key, value in document.items() if key not in {"stacks", "groups"}}
    # Each key by itself: an error of one does not hide those of the others.
    converted = {key: _convert({key: value, "stacks": {}}, FleetFile, "", errors) for key, value in others.items()}
    if not stacks and not errors:
        errors.append("stacks must have at least one stack\n  fix: write `stacks: {dev: {}}`")
    options = {key: getattr(each, key) for key, each in converted.items() if each is not None}
    fleet = FleetFile(stacks=dict(stacks), groups=dict(groups), **options)
    errors += _name_errors(fleet)
    return fleet, errors


def _load(file: Path) -> tuple[Any, list[str]]:
    """Return the document and the errors of duplicate keys."""
    try:
        document = yaml_document.load(file)
    except YamlError as error:
        place = "the file" if error.line is None else f"line {error.line}"
        raise fleet_error(file, [f"{place}: {error.problem}\n  fix: {error.fix}"]) from error
    return document.value, [
        f"line {line}: {problem}\n  fix: remove one of them" for line, problem in document.duplicates
    ]


def _entries(document: Mapping[str, Any], key: str, kind: type[T], errors: list[str]) -> dict[str, T]:
    """Return the entries of a map by name. An entry without a value has the defaults."""
    entries = document.get(key)
    if entries is None:
        return {}
    if not isinstance(entries, Mapping):
        errors.append(f"{key} must be a map by name\n  fix: write `{key}: {{NAME: {{}}}}`")
        return {}
    found = {
        str(name): _convert({} if value is None else value, kind, f"{key}.{name}", errors)
        for name, value in entries.items()
    }
    return {name: entry if entry is not None else kind() for name, entry in found.items()}


def _convert(value: Any, kind: type[T], path: str, errors: list[str]) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, _, at = str(error).partition(" - at `$")
        where = f"{path}{at.rstrip('`')}".lstrip(".")
        errors.append(f"{where or 'the file'}: {text}\n  fix: see the schema, pipeline/fleet.schema.json")
        return None


def _name_errors(fleet: FleetFile) -> Iterator[str]:
    """Yield each name that neither a stack nor a group has, and each name that both have."""
    for name in fleet.stacks:
        if not _NAME.fullmatch(name):
            yield f"stacks.{name}: must have only letters, digits, '-', '_' and '.'\n  fix: rename it, and set `stack`"
    for name in sorted(fleet.stacks.keys() & fleet.groups.keys()):
        yield f"stacks.{name}: a stack must not have the name of a group\n  fix: rename one of them"
    members = {f"stacks.{name}": (entry or StackEntry()) for name, entry in fleet.stacks.items()}
    for path, entry in members.items():
        if entry.group is not None and entry.group not in fleet.groups:
            yield f"{path}.group: {entry.group!r} must be a group{_did_you_mean(entry.group, fleet.groups)}"
    references = {f"{path}.after": entry.after for path, entry in members.items()}
    references |= {f"groups.{name}.after": (group or Group()).after for name, group in fleet.groups.items()}
    names = fleet.stacks.keys() | fleet.groups.keys()
    empty = fleet.groups.keys() - {entry.group for entry in members.values()}
    for path, others in {**references, "canary": fleet.canary}.items():
        for other in others:
            if other not in names:
                yield f"{path}: {other!r} must be a stack or a group{_did_you_mean(other, names)}"
            elif other in empty:
                yield f"{path}: group {other!r} must have a stack\n  fix: add `group: {other}` to its stacks"


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    similar = get_close_matches(name, sorted(names), 1)
    return f"\n  fix: did you mean {similar[0]!r}?" if similar else "\n  fix: add it, or remove the name"


def fleet_error(file: Path, errors: list[str]) -> FleetFileError:
    count = f"{len(errors)} problem{'' if len(errors) == 1 else 's'}"
    lines = "\n".join(f"  {line}" for error in errors for line in error.splitlines())
    return FleetFileError(f"{file.name}: {count}\n{lines}")
