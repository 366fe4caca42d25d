"""Reads what an environment says, whole, and refuses it whole: file, key, value, rule and fix of all that is wrong.

Here is only what can be said without AWS and Kubernetes: which keys there are, of which type, that what they refer to
is there, and what the environment itself demands. Names, ARNs and limits are the components' to check, with the same
words for every program that uses them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.runtime import config
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eks_identity import Problem
from eks_identity.inputs import Refused
from stacks.settings import references
from stacks.settings.environment import Settings
from stacks.settings.given import Given
from stacks.settings.rules import Rules


def read(rules: Rules | None = None, own: pulumi.Config | None = None, *, stack: str | None = None) -> Settings:
    """The settings of the selected stack; refuses every key that is wrong, all at once and before any call to AWS."""
    own = own or pulumi.Config()
    given = {key: _value(text) for key, text in _texts(own.name).items()}
    return parse(given, rules, project=own.name, stack=stack or pulumi.get_stack())


def parse(given: Given, rules: Rules | None = None, *, project: str, stack: str) -> Settings:
    """Settings out of plain values, with what `rules` say where they say nothing."""
    file, rules = f"Pulumi.{stack}.yaml", rules or Rules()
    filled = rules.filled(given)
    found: list[Problem] = []
    try:
        said = Settings.model_validate(filled)
    except ValidationError as error:
        found = [_problem(details, project) for details in error.errors()]
    found += references.problems(filled)
    found += [problem for demand in rules.demands for problem in demand(filled)]
    if found:
        raise Refused([replace(problem, input=f"{file}: {project}:{problem.input}") for problem in found], subject=file)
    return said


def _texts(project: str) -> dict[str, str]:
    """Every setting of the project, misspelt ones too: `pulumi.Config` gives only those that are asked for by name."""
    handed_over = {**config.get_config_env(), **config.CONFIG.get()}
    own = f"{project}:"
    return {key.removeprefix(own): value for key, value in handed_over.items() if key.startswith(own)}


def _value(text: str) -> Any:
    """The engine hands lists and maps over as JSON, and words as they are: an account's digits are no number."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _problem(details: ErrorDetails, project: str) -> Problem:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]).removeprefix(".")
    value = None if details["type"] == "missing" else details["input"]
    return Problem(key, _rule(details), value, _fix(details, f"{project}:{key}"))


def _rule(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        return "a setting that there is"
    return details["msg"]


def _fix(details: ErrorDetails, key: str) -> str:
    own: str | None = details.get("ctx", {}).get("fix")
    fixes = {
        "extra_forbidden": f"`pulumi config rm --path '{key}'`, or mend its name",
        "missing": f"`pulumi config set --path '{key}' VALUE`",
        "literal_error": f"`pulumi config set --path '{key}' VALUE` with one of those values",
    }
    return own or fixes.get(details["type"], f"`pulumi config set --path '{key}' VALUE` with a value of that type")
