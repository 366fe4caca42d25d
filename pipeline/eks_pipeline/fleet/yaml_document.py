"""YAML files, read completely and once: an error has its line and a fix, whatever is wrong with the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_MOST_VALUES = 1_000_000
"""Values of a document in which each alias counts as what it stands for."""


class YamlError(Exception):
    """A file that cannot be read as YAML: the problem, its fix, and the line if there is one."""

    def __init__(self, problem: str, fix: str, line: int | None = None) -> None:
        self.problem = problem
        self.fix = fix
        self.line = line
        super().__init__(problem, fix, line)


@dataclass(frozen=True)
class YamlDocument:
    """The content of a YAML file."""

    value: Any
    """None for an empty file."""
    lines: Mapping[str, int]
    """Lines of the values of the outermost map."""
    duplicates: tuple[tuple[int, str], ...]
    """Line and problem of each key that a map has twice. YAML keeps the last one and drops the others silently."""


def load(file: Path) -> YamlDocument:
    """Return the content of a file; raise `YamlError` for one that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError(f"cannot be read: {error.strerror}", "pass a file that exists and is readable") from error
    except UnicodeDecodeError as error:
        raise YamlError(f"must be UTF-8: {error.reason}", "save the file as UTF-8") from error
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        problem = f"must have no control characters: {chr(error.character)!r} at position {error.position}"
        raise YamlError(problem, "remove it") from error
    try:
        node = loader.get_single_node()
        if node is None:
            return YamlDocument(None, {}, ())
        _require_finite(node)
        value = loader.construct_document(node)
    except RecursionError as error:
        raise YamlError("lists and maps are nested too deeply", "remove levels") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fix = "indent with spaces: YAML allows no tabs" if "\\t" in str(error.problem) else "correct that line"
        raise YamlError(str(error.problem), fix, line) from error
    finally:
        loader.dispose()
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    lines = {key.value: item.start_mark.line + 1 for key, item in pairs}
    return YamlDocument(value, lines, tuple(loader.duplicates))


class _Loader(yaml.SafeLoader):
    """A YAML loader that records duplicate keys, and that names the line of each value that it cannot read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[int, str]] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key.start_mark)
            if (first_line := first_lines.setdefault(key.value, line)) != line:
                self.duplicates.append((line, f"{key.value!r} must be unique, line {first_line} has it too"))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as PyYAML has it
        """Return the value of a node, such as a date. Month 13 is an error with its line."""
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from error


def _require_finite(root: yaml.Node) -> None:
    """Raise an error for a value that contains itself by an alias, and for aliases that make a huge document."""
    sizes: dict[int, int] = {}
    in_progress = 0

    def size(node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        if sizes.get(id(node)) == in_progress:
            raise yaml.MarkedYAMLError(problem="a value must not contain itself", problem_mark=node.start_mark)
        if id(node) not in sizes:
            sizes[id(node)] = in_progress
            is_map = isinstance(node, yaml.MappingNode)
            parts = [part for pair in node.value for part in pair] if is_map else node.value
            sizes[id(node)] = 1 + sum(map(size, parts))
        if sizes[id(node)] > _MOST_VALUES:
            problem = f"aliases must not make more than {_MOST_VALUES} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return sizes[id(node)]

    size(root)
