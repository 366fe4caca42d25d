"""Finds the module of an environment: stack `lab` is `stacks/lab.py`, with its settings in `Pulumi.lab.yaml`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from eks_identity import Problem
from eks_identity.runtime.inputs import InvalidInputError

FOLDER = Path(__file__).parent


class EnvironmentModule(Protocol):
    """A module in `stacks/` that declares an environment."""

    def compose(self) -> None:
        """Declare the resources of the environment."""


def list_environments() -> list[str]:
    """Return the names of all environments: those with a module and a settings file."""
    return sorted(
        module.stem for module in FOLDER.glob("*.py") if (FOLDER.parent / f"Pulumi.{module.stem}.yaml").is_file()
    )


def load_environment(stack: str) -> EnvironmentModule:
    """Return the module of `stack`. Raises `InvalidInputError`, which lists all environments, if there is none."""
    names = list_environments()
    if stack not in names:
        rule = f"must be one of {', '.join(names)}: a stack has stacks/<name>.py and Pulumi.<name>.yaml"
        fix = f"run `pulumi stack select {names[0]}`, or add stacks/{stack}.py and Pulumi.{stack}.yaml"
        raise InvalidInputError([Problem("stack", rule, stack, fix)])
    return cast("EnvironmentModule", importlib.import_module(f"stacks.{stack}"))
