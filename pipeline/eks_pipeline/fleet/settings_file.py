"""Checks a settings file before the engine reads it, and reports errors with file, line and fix.

The engine reports only the first error, with the line but not the file, in the words of its YAML library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from eks_pipeline.errors import SettingsFileError


class DuplicateKeyLoader(yaml.SafeLoader):
    """A YAML loader that records duplicate keys. YAML keeps the last one and drops the others silently."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[int, int, Any]] = []
        """Line, line of the first key, and key."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        first_lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key.start_mark)
            if (first_line := first_lines.setdefault(key.value, line)) != line:
                self.duplicates.append((line, first_line, key.value))
        return node


def secrets_provider(file: Path) -> str | None:
    """Return the secrets provider of a settings file that `check` accepts; None for the default one."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return document.get("secretsprovider") if isinstance(document, dict) else None


def check(file: Path) -> None:
    """Raise `SettingsFileError` for invalid YAML, duplicate keys and a `config` that is not a map."""
    try:
        loader = DuplicateKeyLoader(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"{file.name}: must be UTF-8: {error.reason}\n  fix: save the file as UTF-8") from error
    except yaml.reader.ReaderError as error:
        what = f"{file.name}: must have no control characters: {error.character!r} at position {error.position}"
        raise SettingsFileError(f"{what}\n  fix: remove it") from error
    try:
        node = loader.get_single_node()
    except RecursionError as error:
        raise SettingsFileError(f"{file.name}: lists and maps are nested too deeply\n  fix: remove levels") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fix = "indent with spaces: YAML allows no tabs" if "\\t" in str(error.problem) else "correct that line"
        raise SettingsFileError(f"{file.name}, line {line}: {error.problem}\n  fix: {fix}") from error
    finally:
        loader.dispose()
    errors = [
        f"{file.name}, line {line}: {key!r} must be unique, line {first_line} has it too\n  fix: remove one of them"
        for line, first_line, key in loader.duplicates
    ]
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "config" and not isinstance(value, yaml.MappingNode) and value.value:
            rule = "config must be a map of settings by name"
            errors.append(f"{file.name}, line {value.start_mark.line + 1}: {rule}\n  fix: write config: {{}}")
    if errors:
        raise SettingsFileError("\n".join(errors))
