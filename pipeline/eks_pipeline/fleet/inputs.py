"""Digests of what decides the update of a stack: a resumed run and a review compare them.

| input             | what it is                                                                              |
|-------------------|-----------------------------------------------------------------------------------------|
| `program`         | every file of the project's folder, except settings of stacks and what tools generate;  |
|                   | packages and files elsewhere are not compared                                           |
| `settings`        | the values in the settings file of the stack, with encrypted secrets                    |
| `environment`     | the variables that the fleet file sets                                                  |
| `policy packs`    | every file of the policy packs                                                          |
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eks_pipeline.fleet import settings_file
from eks_pipeline.fleet.fleet_stack import FleetStack

_ENGINE_KEYS = frozenset({"encryptionsalt", "encryptedkey", "secretsprovider"})
_GENERATED = frozenset({"__pycache__", "node_modules"})
"""Folders that tools write. Folders whose name begins with a dot, and virtual environments, are left out too."""

_REVIEWS = (b"<!-- eks-pipeline ", b'{\n  "version": 1,\n  "operation": "')
"""How the files of `--save-comment` and `--save` begin, which often stand beside the program."""
_PLAN = ".plan.json"
"""How the files of `--save-plans` end."""


def digests(stack: FleetStack, policy_packs: Sequence[Path] = ()) -> dict[str, str]:
    """Return the digest of each input of a stack."""
    found = {
        "program": _folder_digest(stack.project),
        "settings": _settings_digest(stack.settings),
        "environment": _digest(repr(sorted(stack.environment.items())).encode()),
    }
    if policy_packs:
        found["policy packs"] = _digest("".join(_folder_digest(pack) for pack in policy_packs).encode())
    return found


def changed(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Return the names of the inputs that differ."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _settings_digest(file: Path) -> str:
    """Return the digest of a settings file without what the engine adds to it when it creates the stack."""
    values = {key: _as_text(value) for key, value in settings_file.read(file).items() if key not in _ENGINE_KEYS}
    # The engine removes a `config` without settings when it writes the file.
    return _digest(json.dumps({key: value for key, value in values.items() if value}, sort_keys=True).encode())


def _as_text(value: Any) -> Any:
    """Return a value with texts in place of numbers and booleans, as the engine writes them."""
    if isinstance(value, dict):
        return {str(key): _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _folder_digest(folder: Path) -> str:
    """Return the digest of all files of a folder, read once for all stacks of a project."""
    digest = hashlib.sha256()
    for file in sorted(_files(folder)):
        content = file.read_bytes()
        if not content.startswith(_REVIEWS):
            digest.update(f"{file.relative_to(folder)}\0{_digest(content)}\0".encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in _GENERATED and not name.startswith(".") and not (Path(path) / name / "pyvenv.cfg").exists()
        ]
        is_top = Path(path) == folder
        for name in files:
            file = Path(path) / name
            is_settings = is_top and name.startswith("Pulumi.") and name != "Pulumi.yaml"
            if not is_settings and not name.endswith(_PLAN) and file.is_file():
                yield file


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
