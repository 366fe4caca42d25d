"""Where the state of a stack is: its backend, project and name, as far as files and variables decide it.

| part         | decided by                                                                                  |
|--------------|---------------------------------------------------------------------------------------------|
| backend      | `PULUMI_BACKEND_URL`, else `backend.url` of the project, else the login of `pulumi login`   |
| organization | the stack's name; only Pulumi Cloud has organizations                                       |
| project      | the stack's name `ORGANIZATION/PROJECT/STACK`, else the project's file                      |

Not known without the backend: the URL of a login, the default organization of a user of Pulumi Cloud, two URLs of one
place, and whether a backend has the old layout, in which stacks have no projects.
Source: Pulumi, `pkg/workspace/creds.go` and `pkg/backend/diy/store.go`.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.fleet.project_file import Project, read_projects

BACKEND = "PULUMI_BACKEND_URL"
_OWN_ORGANIZATION = "organization"
"""The organization of all stacks of a backend other than Pulumi Cloud."""
_CLOUD = frozenset(("http", "https"))
_USER = ("PULUMI_ACCESS_TOKEN",)
_LOGIN = ("HOME", "PULUMI_HOME", "PULUMI_CREDENTIALS_PATH", "PULUMI_API", *_USER)
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "": _LOGIN,
    "s3": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    "gs": ("STORAGE_EMULATOR_HOST",),
    "azblob": ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_DOMAIN"),
    **dict.fromkeys(_CLOUD, _USER),
}
"""Variables that decide, together with an URL of this scheme, which backend it is. Credentials do not."""
_PARAMETERS = frozenset(("endpoint", "storage_account", "domain", "table"))
"""Parameters of an URL that decide which backend it is. A region, a profile and a version of an SDK do not."""


@dataclass(frozen=True)
class Backend:
    """A backend: equal ones are the same."""

    url: str
    """Without credentials; empty for the backend of `pulumi login`."""
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def is_cloud(self) -> bool:
        """Whether its URL says that it is Pulumi Cloud, which has organizations."""
        return urlsplit(self.url).scheme in _CLOUD

    def __str__(self) -> str:
        return f"backend {self.url}" if self.url else "the backend of `pulumi login`"


@dataclass(frozen=True)
class StateLocation:
    """The location of a state: equal ones are the same state."""

    backend: Backend
    organization: str
    """Empty for that of the user."""
    project: str
    stack: str

    def named(self, stack: str) -> StateLocation:
        """Return the location of another stack of the same project and backend, by the name that the engine has."""
        organization, project, name = _parts(stack)
        return replace(self, organization=organization, project=project or self.project, stack=name)

    def may_be(self, other: StateLocation) -> bool:
        """Return whether both are one state for some organization of the user, where one of them names none."""
        is_same_backend = self.backend == other.backend or (
            self.backend.is_cloud and self.backend.url == other.backend.url
        )
        is_same_organization = self.organization == other.organization or not (self.organization and other.organization)
        return is_same_backend and is_same_organization and (self.project, self.stack) == (other.project, other.stack)


def locate(stack: FleetStack, project: Project, default_backend: str | None = None) -> StateLocation:
    """Return where the state of a stack is. `default_backend` stands for the variable of this process."""
    default = {BACKEND: default_backend} if default_backend else {}
    environment = {**os.environ, **default, **stack.environment}
    url = environment.get(BACKEND) or project.backend
    backend = Backend(*_normalized(url, stack.project, environment))
    organization, project_name, name = _parts(stack.stack)
    if organization and backend.is_cloud:
        backend = replace(backend, variables=())  # the same stack for each user
    return StateLocation(backend, organization, project_name or project.name or str(stack.project), name)


@dataclass(frozen=True)
class SharedState:
    """Two stacks that are one: each update would delete the resources of the other."""

    first: FleetStack
    second: FleetStack
    location: StateLocation
    project: Project
    """The project of the second one."""

    def __str__(self) -> str:
        at = self.location
        return (
            f"both are stack {at.stack!r} of project {at.project!r} in {at.backend}, so that each update would delete "
            "the resources of the other"
        )


def shared_states(
    stacks: Iterable[FleetStack], default_backend: str | None = None, program: str = ""
) -> Iterator[SharedState]:
    """Yield each stack that has the same state as an earlier one.

    `program` is the name of the project that all stacks have in place of that of their folders.
    """
    first: dict[StateLocation, FleetStack] = {}
    stacks = list(stacks)
    projects = read_projects(stacks)
    for stack in stacks:
        project = projects[stack.project]
        location = locate(stack, replace(project, name=program or project.name), default_backend)
        if (other := first.setdefault(location, stack)) is not stack:
            yield SharedState(other, stack, location, project)


def shared_state_errors(
    stacks: Iterable[FleetStack], default_backend: str | None = None, program: str = ""
) -> Iterator[str]:
    """Yield an error for each entry of a fleet file that has the same state as an earlier one."""
    for each in shared_states(stacks, default_backend, program):
        is_same_folder = each.second.project == each.first.project
        names_project = each.second.stack.count("/") == 2  # ORGANIZATION/PROJECT/STACK
        other_name = "" if is_same_folder or names_project or program else f", or another `name` in {each.project.file}"
        yield (
            f"stacks.{each.second.name}: must be another stack than stacks.{each.first.name}: {each}\n"
            f"  fix: remove one of them, or set another `stack`{other_name}"
        )


def _parts(name: str) -> tuple[str, str, str]:
    """Return organization, project and name of a stack's name; the first two are empty if it does not have them."""
    before, _, stack = name.rpartition("/")
    organization, _, project = before.partition("/")
    return "" if organization == _OWN_ORGANIZATION else organization, project, stack


def _normalized(url: str, folder: Path, environment: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return an URL in the form that all URLs of its place have, and the variables that decide the place, too."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "file":
            text = url.removeprefix("file://").partition("?")[0]
            path = f"{_home()}{text[1:]}" if text == "~" or text.startswith("~/") else text
            return f"file://{os.path.realpath(os.path.join(folder, path))}", ()  # noqa: PTH118 - accepts any text
    except ValueError:  # the engine rejects it
        return url, ()
    if not parts.netloc and url:
        return url, ()
    query = urlencode(sorted(pair for pair in parse_qsl(parts.query) if pair[0] in _PARAMETERS))
    host = parts.netloc.rpartition("@")[2].lower()
    names = _VARIABLES.get(parts.scheme, ())
    variables = tuple((name, environment[name]) for name in names if environment.get(name))
    return parts._replace(netloc=host, path=parts.path.rstrip("/"), query=query, fragment="").geturl(), variables


def _home() -> str:
    """Return the home of the user as the engine finds it, whatever `HOME` is."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container whose user has no entry
        return os.environ.get("HOME", "~")
