"""Reads what an environment says, whole, and refuses it whole: file, key, value, rule and fix of all that is wrong.

Here is only what can be said without AWS and Kubernetes: which keys there are, of which type, that what they refer to
is there, and what the environment itself demands. Names, ARNs and limits are the components' to check, with the same
words for every program that uses them.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.runtime import config
from pydantic import ValidationError

from eks_identity import Problem
from eks_identity.redaction import SECRET, Redactor
from eks_identity.runtime.inputs import InvalidInputError
from stacks.settings import cross_checks, validation_messages
from stacks.settings.environment import Settings
from stacks.settings.profile import EnvironmentProfile
from stacks.settings.raw import RawSettings


def read(
    rules: EnvironmentProfile | None = None, own: pulumi.Config | None = None, *, stack: str | None = None
) -> Settings:
    """The settings of the selected stack; refuses every key that is wrong, all at once and before any call to AWS."""
    own, stack = own or pulumi.Config(), stack or pulumi.get_stack()
    handed_over = {**config.get_config_env(), **config.CONFIG.get()}
    given = {key: _value(text) for key, text in _texts(handed_over, own.name).items()}
    secrets = {key for key in given if config.is_config_secret(f"{own.name}:{key}")}
    return parse(given, rules, project=own.name, stack=stack, secrets=secrets, beside=_beside(handed_over, own.name))


def parse(
    given: RawSettings,
    rules: EnvironmentProfile | None = None,
    *,
    project: str,
    stack: str,
    secrets: Collection[str] = (),
    beside: Iterable[Problem] = (),
) -> Settings:
    """Settings out of plain values, with what `rules` say where they say nothing.

    `secrets` are the keys of `given` that are encrypted; `beside` is what is wrong with settings of other packages.
    """
    file, rules = f"Pulumi.{stack}.yaml", rules or EnvironmentProfile()
    filled = rules.filled(given)
    found = list(validation_messages.empty(given))
    try:
        said = Settings.model_validate(filled)
    except ValidationError as error:
        nothing = {problem.input for problem in found}
        found += [
            each for each in validation_messages.problems(error.errors(), filled, project) if each.input not in nothing
        ]
    found += cross_checks.problems(filled)
    found += [problem for demand in rules.demands for problem in demand(filled)]
    found = [_hidden(problem, given, secrets) for problem in found] + [_in_plain(key, project) for key in secrets]
    found = [replace(problem, input=f"{project}:{problem.input}") for problem in found]
    found += beside
    if found:
        raise InvalidInputError([replace(problem, input=f"{file}: {problem.input}") for problem in found], subject=file)
    return said


def _in_plain(key: str, project: str) -> Problem:
    rule = "plain: what is declared of it can be read in AWS, in the cluster and in the stack's state"
    return Problem(key, rule, SECRET, f"`pulumi config set --plaintext '{project}:{key}' VALUE`")


def _hidden(problem: Problem, given: RawSettings, secrets: Collection[str]) -> Problem:
    """`problem` without any value of a secret setting, whichever setting it is about. Names of settings stay."""
    if not secrets:
        return problem
    redactor = Redactor([given[key] for key in secrets], [value for key, value in given.items() if key not in secrets])
    return replace(problem.redacted(redactor), input=problem.input)


def _beside(handed_over: Iterable[str], project: str) -> Iterator[Problem]:
    """The region that is not there, and settings of a project whose name is nearly this one's: nobody reads those."""
    if "aws:region" not in handed_over:
        yield Problem(
            "aws:region", "the region that the environment is in", None, "`pulumi config set aws:region REGION`"
        )
    names = {key: key.partition(":")[0] for key in handed_over}
    near = {*difflib.get_close_matches(project, {*names.values()} - {project}, cutoff=0.8)}
    for key, name in names.items():
        if name in near:
            fix = f"did you mean {project}:{key.removeprefix(name + ':')}?"
            yield Problem(key, f"a setting of {project}, or of another package", name, fix)


def _texts(handed_over: Mapping[str, str], project: str) -> dict[str, str]:
    """Every setting of the project, misspelt ones too: `pulumi.Config` gives only those that are asked for by name."""
    own = f"{project}:"
    return {key.removeprefix(own): value for key, value in handed_over.items() if key.startswith(own)}


def _value(text: str) -> Any:
    """The engine hands lists and maps over as JSON, and words as they are: an account's digits are no number."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text
