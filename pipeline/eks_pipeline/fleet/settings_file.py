"""Reads a settings file before the engine does, and reports errors with file, line and fix.

The engine reports only the first error, with the line but not the file, in the words of its YAML library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eks_pipeline.errors import SettingsFileError
from eks_pipeline.fleet import yaml_document
from eks_pipeline.fleet.yaml_document import YamlError

_FORMS: dict[str, tuple[type, str, str]] = {
    "config": (dict, "must be a map of settings by name", "write config: {}"),
    "secretsprovider": (str, "must be the URL of a key", "write secretsprovider: awskms://alias/pulumi"),
    "encryptedkey": (str, "must be a text", "restore what the engine wrote"),
    "encryptionsalt": (str, "must be a text", "restore what the engine wrote"),
}
"""The keys that the pipeline or the engine reads, with the type of the value, the rule and the fix."""


def check(file: Path) -> None:
    """Raise `SettingsFileError` for invalid YAML, duplicate keys and values of another form than the engine reads."""
    read(file)


def config(file: Path) -> Mapping[str, Any]:
    """Return the settings by name; raise `SettingsFileError` as `check` does."""
    found: Mapping[str, Any] = read(file).get("config") or {}
    return found


def secrets_provider(file: Path) -> str | None:
    """Return the secrets provider, None for the default one; raise `SettingsFileError` as `check` does."""
    return read(file).get("secretsprovider")


def read(file: Path) -> dict[str, Any]:
    """Return the content of a settings file; raise `SettingsFileError` as `check` does."""
    try:
        document = yaml_document.load(file)
    except YamlError as error:
        place = file.name if error.line is None else f"{file.name}, line {error.line}"
        raise SettingsFileError(f"{place}: {error.problem}\n  fix: {error.fix}") from error
    errors = [
        f"{file.name}, line {line}: {problem}\n  fix: remove one of them" for line, problem in document.duplicates
    ]
    content = {} if document.value is None else document.value
    if not isinstance(content, dict):
        rule = "the file must be a map, with the settings under config"
        raise SettingsFileError(f"{file.name}: {rule}\n  fix: write config: {{}}")
    for key, value in content.items():
        kind, rule, fix = _FORMS.get(key, (object, "", ""))
        if value is not None and not isinstance(value, kind):
            errors.append(f"{file.name}, line {document.lines[key]}: {key} {rule}\n  fix: {fix}")
    if any(not isinstance(name, str) for name in _names(content)):
        names = ", ".join(repr(name) for name in _names(content) if not isinstance(name, str))
        errors.append(f"{file.name}: the name of a setting must be a text: {names}\n  fix: write it in quotes")
    if errors:
        raise SettingsFileError("\n".join(errors))
    return content


def _names(content: Mapping[Any, Any]) -> list[Any]:
    settings = content.get("config")
    return [*content, *(settings if isinstance(settings, dict) else ())]
