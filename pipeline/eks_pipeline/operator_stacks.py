"""The stacks of a fleet as objects of the Pulumi Kubernetes Operator 2.9.

Each stack is a `Stack` object, which names the stacks that must succeed before it as prerequisites. The operator runs
it in a workspace pod of its own, as a service account; that account's IAM role (IRSA or Pod Identity) reaches AWS, the
bucket of the state and the key of its secrets. The operator verifies the workspace's callers with TokenReview, so each
service account needs the ClusterRole `system:auth-delegator`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from eks_pipeline.errors import UsageError
from eks_pipeline.fleet import settings_file
from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.state_location import BACKEND, shared_state_errors

API_VERSION, KIND = "pulumi.com/v1", "Stack"
_LABELS = {"app.kubernetes.io/managed-by": "eks-pipeline"}
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
"""Source: DNS subdomain names in https://kubernetes.io/docs/concepts/overview/working-with-objects/names/."""
_MOST_CHARACTERS = 253
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([kMGTPE]|[KMGTPE]i|e[0-9]+)?")
_IMAGE = re.compile(r"[\x21-\x7e]+")
_SECRET_VARIABLES = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE"),
}
_LOCAL_VARIABLES = ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
"""Variables that select credentials on a machine. A workspace has those of its service account."""


@dataclass(frozen=True)
class GitSource:
    """The repository with the Pulumi projects. `revision` is a branch, or a commit of 40 hexadecimal digits."""

    url: str
    revision: str
    root: Path
    """Folder of the clone, to which the folders of the projects are relative."""


@dataclass(frozen=True)
class ProgramSource:
    """A `Program` object of the operator: a Pulumi YAML program, the same for all stacks."""

    name: str


@dataclass(frozen=True)
class Settings:
    """What all `Stack` objects have in common."""

    source: GitSource | ProgramSource
    namespace: str = "pulumi"
    service_account: str = "pulumi-workspace"
    service_accounts: Mapping[str, str] = field(default_factory=dict)
    """Service accounts of the groups of the fleet that have another one: the clusters of another AWS account."""
    backend: str | None = None
    memory: str = "768Mi"
    """Memory that a workspace requests: the program, the engine and the provider plugins."""
    image: str | None = None
    resync_seconds: int | None = None
    """Seconds between two updates of a stack whose source did not change; None for no such updates."""


def objects(fleet: Fleet, settings: Settings) -> list[dict[str, Any]]:
    """Return the Kubernetes objects of a fleet. Raises `UsageError` with all problems."""
    problems = list(_settings_problems(fleet, settings))
    program = settings.source.name if isinstance(settings.source, ProgramSource) else ""
    problems += shared_state_errors(fleet.stacks.values(), default_backend=settings.backend, program=program)
    for stack in fleet.stacks.values():
        problems += [f"stacks.{stack.name}: {problem}" for problem in _problems(stack, settings)]
    if problems:
        raise UsageError("\n".join(problems))
    accounts = sorted({_service_account(stack, settings) for stack in fleet.stacks.values()})
    bindings = [_delegator_binding(account, settings.namespace) for account in accounts]
    return bindings + [_stack(stack, fleet, settings) for stack in fleet.stacks.values()]


def write(documents: list[dict[str, Any]]) -> str:
    """Return objects as YAML documents."""
    return "".join(f"---\n{yaml.safe_dump(each, sort_keys=False, allow_unicode=True)}" for each in documents)


def left_out(fleet: Fleet, all_stacks: Fleet) -> Iterator[str]:
    """Yield what the objects do not have of a fleet: variables without use, and an order after other stacks."""
    for name in fleet.stacks:
        if others := [other for other in all_stacks.predecessors.get(name, ()) if other not in fleet.stacks]:
            yield f"stacks.{name}: prerequisites {', '.join(others)} are left out: --stack does not select them"
    for stack in fleet.stacks.values():
        for name in _LOCAL_VARIABLES:
            if name in stack.environment:
                yield f"stacks.{stack.name}: {name} is left out: a workspace has the role of its service account"


def _stack(stack: FleetStack, fleet: Fleet, settings: Settings) -> dict[str, Any]:
    spec: dict[str, Any] = {"stack": stack.stack, **_source(stack, settings.source)}
    if backend := stack.environment.get(BACKEND, settings.backend):
        spec["backend"] = backend
    if provider := settings_file.secrets_provider(stack.settings):
        spec["secretsProvider"] = provider
    variables = {name: value for name, value in stack.environment.items() if name not in {BACKEND, *_LOCAL_VARIABLES}}
    if variables:
        spec["envRefs"] = {
            name: {"type": "Literal", "literal": {"value": value}} for name, value in sorted(variables.items())
        }
    if before := fleet.predecessors.get(stack.name):
        spec["prerequisites"] = [{"name": name} for name in before]
    if settings.resync_seconds is not None:
        spec |= {"continueResyncOnCommitMatch": True, "resyncFrequencySeconds": settings.resync_seconds}
    # By default the operator keeps the pod of each stack, with its memory.
    spec["workspaceReclaimPolicy"] = "Delete"
    spec["serviceAccountName"] = _service_account(stack, settings)
    workspace: dict[str, Any] = {
        "securityProfile": "restricted",
        "resources": {"requests": {"memory": settings.memory}},
    }
    if settings.image is not None:
        workspace["image"] = settings.image
    spec["workspaceTemplate"] = {"spec": workspace}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": stack.name, "namespace": settings.namespace, "labels": _LABELS},
        "spec": spec,
    }


def _source(stack: FleetStack, source: GitSource | ProgramSource) -> dict[str, Any]:
    if isinstance(source, ProgramSource):
        return {"programRef": {"name": source.name}}
    kind = "commit" if re.fullmatch(r"[0-9a-f]{40}", source.revision) else "branch"
    folder = stack.project.relative_to(source.root).as_posix()
    return {"projectRepo": source.url, kind: source.revision, **({} if folder == "." else {"repoDir": folder})}


def _delegator_binding(account: str, namespace: str) -> dict[str, Any]:
    """Return the binding with which the workspaces of a service account verify the operator's token."""
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}:{account}:system:auth-delegator", "labels": _LABELS},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def _service_account(stack: FleetStack, settings: Settings) -> str:
    return settings.service_accounts.get(stack.group or "", settings.service_account)


def _settings_problems(fleet: Fleet, settings: Settings) -> Iterator[str]:
    groups = sorted({stack.group for stack in fleet.stacks.values() if stack.group is not None})
    for group in settings.service_accounts:
        if group not in groups:
            similar = get_close_matches(group, groups, 1)
            fix = f"did you mean {similar[0]!r}?" if similar else f"pass one of {', '.join(groups) or '(no groups)'}"
            yield f"--service-account: {group!r} must be a group of the fleet\n  fix: {fix}"
    names = {"--namespace": settings.namespace, "--service-account": settings.service_account}
    names |= {f"--service-account of {group}": name for group, name in settings.service_accounts.items()}
    if isinstance(settings.source, ProgramSource):
        names["--program"] = settings.source.name
    for option, name in names.items():
        if not _is_name(name):
            yield f"{option}: {name!r} {_name_rule(name)}"
    if not _QUANTITY.fullmatch(settings.memory):
        yield f"--memory: {settings.memory!r} must be a quantity of Kubernetes\n  fix: pass --memory 768Mi, for example"
    if settings.image is not None and not _IMAGE.fullmatch(settings.image):
        yield f"--image: {settings.image!r} must be an image's name without spaces\n  fix: pass REGISTRY/NAME:TAG"


def _problems(stack: FleetStack, settings: Settings) -> Iterator[str]:
    if not _is_name(stack.name):
        yield f"{stack.name!r} {_name_rule(stack.name)}, and set `stack: {stack.stack}`"
    if stack.config_file is not None:
        rule = "must be omitted: the operator reads Pulumi.<stack>.yaml of the repository"
        yield f"config_file {rule}\n  fix: move its settings into {stack.project / f'Pulumi.{stack.stack}.yaml'}"
    for name in sorted(stack.environment):
        if name in _SECRET_VARIABLES:
            rule = "must not be in a fleet file for the operator: a Stack object is readable in the cluster"
            yield f"environment.{name} {rule}\n  fix: remove it; the role of the service account has the permissions"
    source = settings.source
    if isinstance(source, GitSource) and not stack.project.is_relative_to(source.root):
        yield f"project {stack.project} must be in the repository {source.root}\n  fix: move it there"


def _is_name(name: str) -> bool:
    return len(name) <= _MOST_CHARACTERS and _NAME.fullmatch(name) is not None


def _name_rule(name: str) -> str:
    valid = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_MOST_CHARACTERS].strip("-")
    rule = "must be a name of a Kubernetes object: lower-case letters, digits and hyphens"
    return f"{rule}\n  fix: rename it to {valid or 'a'!r}"
