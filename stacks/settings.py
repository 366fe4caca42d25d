"""What an environment says, typed: the settings in `Pulumi.<stack>.yaml`, read whole and refused whole.

Here is only what can be said without AWS and Kubernetes: which keys there are, of which type, and that what they refer
to is there. Names, ARNs and rules are the components' to check, with the same words for every program that uses them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

import pulumi
from pulumi.runtime import config
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from eks_identity import Problem
from eks_identity.inputs import Refused
from stacks import references


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ClusterSettings(_Settings):
    """A cluster that is there, under the name that is its key."""

    oidc_provider: Literal["create", "adopt", "none"] = "create"
    """Whether the account's provider for its issuer is made here, is used as it is, or is not needed."""
    role_arn: str | None = None
    """The role to administer the cluster with."""


class RuleSettings(_Settings):
    """A rule of a role, in the library's words."""

    verbs: list[str]
    resources: list[str] = []
    api_groups: list[str] | None = None
    resource_names: list[str] = []
    non_resource_urls: list[str] = []


class RoleSettings(_Settings):
    """The RBAC role of a group."""

    name: str
    kind: Literal["ClusterRole", "Role"] = "ClusterRole"
    namespace: str | None = None
    rules: list[RuleSettings]


class PrincipalSettings(_Settings):
    """One of: a user or role of the account, by name (and path), or an ARN."""

    user: str | None = None
    role: str | None = None
    arn: str | None = None
    username: str | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(value is not None for value in (self.user, self.role, self.arn)) != 1:
            raise _error("one of user, role and arn", "leave one of the three")
        return self


class AccessSettings(_Settings):
    """People's access to a cluster."""

    cluster: str
    group: str
    role: RoleSettings
    principals: list[PrincipalSettings]
    via: Literal["aws-auth", "access-entry"] = "access-entry"
    binding_name: str | None = None
    adopt: bool = False


class WorkloadSettings(_Settings):
    """A service account's access to AWS."""

    cluster: str
    namespace: str
    service_account: str
    mode: Literal["irsa", "pod-identity"] = "irsa"
    policies: list[str] = []
    inline_policies: dict[str, str] = {}
    role_name: str | None = None
    path: str | None = None
    permissions_boundary: str | None = None
    max_session_duration: int | None = None
    audience: str | None = None
    sts_regional_endpoints: bool | None = None
    token_expiration: int | None = None
    raised_quotas: bool | None = None


class Settings(_Settings):
    """Everything that an environment says."""

    clusters: dict[str, ClusterSettings] = Field(min_length=1)
    people: dict[str, AccessSettings] = {}
    workloads: dict[str, WorkloadSettings] = {}
    tags: dict[str, str] = {}


def read(own: pulumi.Config | None = None, *, stack: str | None = None) -> Settings:
    """The settings of the selected stack; refuses every key that is wrong, all at once and before any call to AWS."""
    own = own or pulumi.Config()
    given = {key: _value(text) for key, text in _texts(own.name).items()}
    return parse(given, project=own.name, stack=stack or pulumi.get_stack())


def _texts(project: str) -> dict[str, str]:
    """Every setting of the project, misspelt ones too: `pulumi.Config` gives only those that are asked for by name."""
    handed_over = {**config.get_config_env(), **config.CONFIG.get()}
    own = f"{project}:"
    return {key.removeprefix(own): value for key, value in handed_over.items() if key.startswith(own)}


def _value(text: str) -> Any:
    """The engine hands lists and maps over as JSON, and words as they are."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(given: Mapping[str, Any], *, project: str, stack: str) -> Settings:
    """Settings out of plain values."""
    file = f"Pulumi.{stack}.yaml"
    refused: list[Problem] = []
    try:
        said = Settings.model_validate(dict(given))
    except ValidationError as error:
        refused = [_problem(details, file, project) for details in error.errors()]
    refused += references.problems(given, lambda key: f"{file}: {project}:{key}")
    if refused:
        raise Refused(refused, subject=file)
    return said


def _problem(details: ErrorDetails, file: str, project: str) -> Problem:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]).removeprefix(".")
    value = None if details["type"] == "missing" else details["input"]
    return Problem(f"{file}: {project}:{key}", _rule(details), value, _fix(details, f"{project}:{key}"))


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


def _error(rule: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("settings", "{rule}", {"rule": rule, "fix": fix})
