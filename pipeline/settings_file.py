"""What the engine would not read of a settings file, said with file, line and fix before the engine is asked.

The engine names the line and not the file, in the words of its YAML library, and only the first one that is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import SettingsFileError


class _Strict(yaml.SafeLoader):
    """Notes keys that are written twice: the last one would win, and whoever wrote the first would not know."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[tuple[int, int, Any]] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first: dict[Any, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if (before := first.setdefault(key.value, line)) != line:
                self.twice.append((line, before, key.value))
        return node


def check(file: Path) -> None:
    """Raises `SettingsFileError` for what is no YAML, for keys that are written twice, and for settings of no name."""
    loader = _Strict(file.read_text(encoding="utf-8"))
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fix = "indent with spaces: YAML takes no tabs" if "\\t" in str(error.problem) else "mend that line"
        raise SettingsFileError(f"{file.name}, line {line}: {error.problem}\n  fix: {fix}") from error
    finally:
        loader.dispose()
    said = [
        f"{file.name}, line {line}: {key!r} stands in line {before} already\n  fix: take one of them out"
        for line, before, key in loader.twice
    ]
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "config" and not isinstance(value, yaml.MappingNode) and value.value:
            rule = "config is a map of settings by name"
            said.append(f"{file.name}, line {value.start_mark.line + 1}: {rule}\n  fix: write config: {{}}")
    if said:
        raise SettingsFileError("\n".join(said))
