"""What this library's dynamic providers have in common: errors that read as they were written, and little helpers.

Pulumi pickles a dynamic provider into the state. Ours hold nothing, and what is pickled is a name that `provider_named`
looks up: the state has no code in it and no layout of modules, so that a newer library serves older states.
"""

import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, ConfigureRequest, ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from eks_identity.errors import EksIdentityError, Problem
from eks_identity.own_resource import PACKAGE

Properties = dict[str, Any]
"""What Pulumi hands a provider: the inputs of a resource, or its outputs. Unknown values are `UNKNOWN`."""


_MODULES = {
    "AccessGuardProvider": "people.access_guard_provider",
    "AdoptedAccessEntryProvider": "people.access_entry_provider",
    "AuthenticationModeMigrationProvider": "people.migration_provider",
    "AwsAuthMappingProvider": "people.aws_auth_provider",
}


def provider_named(name: str) -> ResourceProvider:
    """The provider that a state names. States keep the path of this function, and the names: neither may change."""
    found: type[ResourceProvider] = getattr(import_module(f"eks_identity.{_MODULES[name]}"), name)
    return found()


class PlainProvider(ResourceProvider):
    """A dynamic provider whose refusals reach the user as they are."""

    serialize_as_secret_always = False
    profile: str | None = None
    """The AWS profile that the program's config names. Set when the engine configures the provider, never in the
    program, so that it is not pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return provider_named, (type(self).__name__,)

    def configure(self, req: ConfigureRequest) -> None:
        """Lets our errors reach the user as they are: Pulumi's host of dynamic providers shows a traceback instead."""
        super().configure(req)
        # The plugin for other languages knows the first key only: the engine tells a plugin its own package's config.
        self.profile = req.config.get(f"{PACKAGE}:profile") or req.config.get("aws:profile")
        host = sys.modules["__main__"]
        if getattr(host, "traceback", None) is traceback:
            host.traceback = _PlainErrors  # type: ignore[attr-defined]


class _PlainErrors:
    """Stands in for the module `traceback` in that host; what is not ours is shown as before."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, EksIdentityError) else traceback.format_exc()


def refused(inputs: Properties, problems: Iterable[Problem]) -> CheckResult:
    """The answer of a `check` that found these problems, or none."""
    return CheckResult(inputs, [CheckFailure(problem.input, str(problem)) for problem in problems])


def is_unknown(value: Any) -> bool:
    """Whether anything in `value` is known only later than this preview."""
    if isinstance(value, dict):
        return any(map(is_unknown, value.values()))
    if isinstance(value, list):
        return any(map(is_unknown, value))
    # The engine may hand over the promise itself, with its dependencies, in place of the word for unknown.
    return isinstance(value, Unknown) or bool(value == UNKNOWN)


def changed(olds: Properties, news: Properties, *names: str) -> list[str]:
    """Which of these properties differ. An unknown one does not: a preview must not promise what may not come."""
    return [name for name in names if olds.get(name) != news.get(name) and not is_unknown(news.get(name))]


def say(message: str) -> None:
    """Shows `message` in what `pulumi` prints; the engine takes a provider's own output for that."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - this is how a dynamic provider speaks


@cache
def say_once(message: str) -> None:
    """The same, and once in an operation of the engine, however many resources find it."""
    say(message)
