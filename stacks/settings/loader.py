"""Loads and validates the settings of an environment, and reports all problems at once with file, key, rule and fix.

This module checks only what does not require AWS or Kubernetes: known keys, types, references between settings and the
environment's policies. Components check names, ARNs and limits, with the same messages for every program.
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
from stacks.settings.profile import EnvironmentProfile, RawSettings


def load(
    profile: EnvironmentProfile | None = None,
    project_config: pulumi.Config | None = None,
    *,
    stack: str | None = None,
) -> Settings:
    """Return the settings of the selected stack. Makes no call to AWS.

    Raises `InvalidInputError` with all problems.
    """
    project_config, stack = project_config or pulumi.Config(), stack or pulumi.get_stack()
    project = project_config.name
    all_values = {**config.get_config_env(), **config.CONFIG.get()}
    settings = {key: _parse_value(text) for key, text in _project_values(all_values, project).items()}
    secrets = {key for key in settings if config.is_config_secret(f"{project}:{key}")}
    problems = _namespace_problems(all_values, project)
    return parse(settings, profile, project=project, stack=stack, secrets=secrets, more_problems=problems)


def parse(
    settings: RawSettings,
    profile: EnvironmentProfile | None = None,
    *,
    project: str,
    stack: str,
    secrets: Collection[str] = (),
    more_problems: Iterable[Problem] = (),
) -> Settings:
    """Return validated settings with the defaults of `profile`. Raises `InvalidInputError` with all problems.

    `secrets` are the encrypted keys of `settings`; `more_problems` are problems of keys outside the project.
    """
    file, profile = f"Pulumi.{stack}.yaml", profile or EnvironmentProfile()
    merged = profile.apply_defaults(settings)
    problems = list(validation_messages.find_empty_values(settings))
    try:
        validated = Settings.model_validate(merged)
    except ValidationError as error:
        empty = {problem.input for problem in problems}
        invalid = validation_messages.find_problems(error.errors(), merged, project)
        problems += [problem for problem in invalid if problem.input not in empty]
    problems += cross_checks.find_problems(merged)
    problems += [problem for policy in profile.policies for problem in policy(merged)]
    problems = [_redact(problem, settings, secrets) for problem in problems]
    problems += [_encrypted_setting(key, project) for key in secrets]
    problems = [replace(problem, input=f"{project}:{problem.input}") for problem in problems]
    problems += more_problems
    if problems:
        problems = [replace(problem, input=f"{file}: {problem.input}") for problem in problems]
        raise InvalidInputError(problems, subject=file)
    return validated


def _encrypted_setting(key: str, project: str) -> Problem:
    rule = "must not be encrypted: its value is readable in AWS, in the cluster and in the stack's state"
    return Problem(key, rule, SECRET, f"run `pulumi config set --plaintext '{project}:{key}' VALUE`")


def _redact(problem: Problem, settings: RawSettings, secrets: Collection[str]) -> Problem:
    """Return `problem` without values of encrypted settings. Keys of settings are kept."""
    if not secrets:
        return problem
    plain = [value for key, value in settings.items() if key not in secrets]
    redactor = Redactor([settings[key] for key in secrets], plain)
    return replace(problem.redacted(redactor), input=problem.input)


def _namespace_problems(all_values: Iterable[str], project: str) -> Iterator[Problem]:
    """Yield a missing region, and keys whose namespace is a misspelling of `project`: no package reads those."""
    if "aws:region" not in all_values:
        rule = "must be set to the region of the environment"
        yield Problem("aws:region", rule, None, "run `pulumi config set aws:region REGION`")
    namespaces = {key: key.partition(":")[0] for key in all_values}
    misspelt = {*difflib.get_close_matches(project, {*namespaces.values()} - {project}, cutoff=0.8)}
    for key, namespace in namespaces.items():
        if namespace in misspelt:
            fix = f"did you mean {project}:{key.removeprefix(namespace + ':')}?"
            yield Problem(key, f"must be a setting of {project} or of another package", namespace, fix)


def _project_values(all_values: Mapping[str, str], project: str) -> dict[str, str]:
    """Return all settings of the project, misspelt ones included: `pulumi.Config` returns only keys queried by name."""
    prefix = f"{project}:"
    return {key.removeprefix(prefix): value for key, value in all_values.items() if key.startswith(prefix)}


def _parse_value(text: str) -> Any:
    """Return the value of a setting: the engine passes lists and maps as JSON, and scalars as text.

    Scalars stay text, so that an account ID does not become a number.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text
