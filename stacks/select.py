"""Finds the composition of a stack: stack `lab` is `stacks/lab.py`, with its settings in `Pulumi.lab.yaml`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from eks_identity import Problem
from eks_identity.runtime.inputs import InvalidInputError

FOLDER = Path(__file__).parent


class Composition(Protocol):
    """A module of `stacks/` that declares an environment."""

    def compose(self) -> None:
        """Declares it, from the stack's settings."""


def environments() -> list[str]:
    """The stacks that there are: those with both a composition and a file of settings."""
    return sorted(
        module.stem for module in FOLDER.glob("*.py") if (FOLDER.parent / f"Pulumi.{module.stem}.yaml").is_file()
    )


def composition(stack: str) -> Composition:
    """The composition of `stack`; refuses a stack that has none, with the names of those that have."""
    known = environments()
    if stack not in known:
        rule = f"one of {', '.join(known)}: a stack has stacks/<name>.py and Pulumi.<name>.yaml"
        fix = f"`pulumi stack select {known[0]}`, or add stacks/{stack}.py and Pulumi.{stack}.yaml"
        raise InvalidInputError([Problem("stack", rule, stack, fix)])
    return cast("Composition", importlib.import_module(f"stacks.{stack}"))
