"""What this library's dynamic providers have in common: errors that read as they were written, and little helpers.

Pulumi pickles a dynamic provider into the state. Ours hold nothing, and what is pickled is a name that `provider_named`
looks up: the state has no code in it and no layout of modules, so that a newer library serves older states. A program
refers to its providers by that name too (`reference`): it imports neither boto3 nor lightkube, which they call.
"""

import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, Config, ConfigureRequest, ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from eks_identity import redaction
from eks_identity.errors import AwsError, EksIdentityError, Problem
from eks_identity.model import credentials
from eks_identity.model.arns import Arn
from eks_identity.runtime import provider_redaction
from eks_identity.runtime.custom_resource import ProviderReference

Properties = dict[str, Any]
"""What Pulumi hands a provider: the inputs of a resource, or its outputs. Unknown values are `UNKNOWN`."""


_MODULES = {
    "LockoutGuardProvider": "access.lockout_guard",
    "AccessEntryProvider": "access.access_entry",
    "AuthenticationModeMigrationProvider": "access.migration",
    "AwsAuthMappingProvider": "access.aws_auth_mapping",
}


def provider_named(name: str) -> ResourceProvider:
    """The provider that a state names. States keep the path of this function, and the names: neither may change."""
    found: type[ResourceProvider] = getattr(import_module(f"eks_identity.{_MODULES[name]}"), name)
    return found()


def reference(name: str) -> ProviderReference:
    """Return the reference to a provider, for the resource that it serves."""
    return ProviderReference(provider_named, name)


class PlainProvider(ResourceProvider):
    """A dynamic provider whose errors reach the user as they are, and without any secret."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in provider_redaction.METHODS & vars(cls).keys():
            setattr(cls, name, provider_redaction.redacting(vars(cls)[name]))

    config: Config | None = None
    """The program's config. Set when the engine configures the provider. The plugin for other languages knows
    `eks-identity:profile` only: the engine tells a plugin its own package's."""

    def configure(self, req: ConfigureRequest) -> None:
        """Lets our errors reach the user as they are: Pulumi's host of dynamic providers shows a traceback instead."""
        super().configure(req)
        self.config = req.config
        host = sys.modules["__main__"]
        if getattr(host, "traceback", None) is traceback:
            host.traceback = _PlainErrors  # type: ignore[attr-defined]

    def credentials(self, props: Properties) -> str:
        """Those that the program gives a resource with these properties, by an aws provider or its config."""
        return credentials.chosen(props.get("credentials"), self._get)

    def kept_credentials(self, props: Properties) -> str:
        """Those that a state keeps; where its keys have ended, others of the cluster's account that this run has."""
        kept = self.credentials(props)
        arn = props.get("cluster_arn")
        if arn is None or not credentials.has_keys(kept) or _account(props, kept) is not None:
            return kept
        others = (*reversed(_GIVEN), credentials.chosen(None, self._get))
        return next((each for each in others if _account(props, each) == Arn.parse(arn).account), kept)

    def _get(self, key: str) -> str | None:
        return self.config.get(key) if self.config else None


_GIVEN: dict[str, None] = {}
"""The credentials that resources were given in this run, in their order."""


def note(news: Properties) -> None:
    """Keeps the credentials that the program gives, for deletions: what is deleted has those of an earlier run."""
    given = news.get("credentials")
    if given is not None and not is_unknown(given):
        _GIVEN[given] = None


def _account(props: Properties, known: str) -> str | None:
    """The account of these credentials; None where AWS does not take them."""
    from eks_identity.clients.aws_sessions import clients  # noqa: PLC0415 - boto3 takes a while, and no program asks here

    try:
        return clients(props["region"], known).caller[0]
    except AwsError:
        return None


class _PlainErrors:
    """Stands in for the module `traceback` in that host; what is not ours is shown as before."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, EksIdentityError) else traceback.format_exc()


def refused(inputs: Properties, problems: Iterable[Problem]) -> CheckResult:
    """The answer of a `check` that found these problems, or none.

    The engine prints the value of a property that a failure names. So none is named: the problem itself says which.
    """
    return CheckResult(inputs, [CheckFailure("", str(problem.redacted(redaction.current()))) for problem in problems])


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


def another_cluster(olds: Properties, news: Properties) -> list[str]:
    """Which properties say that it is another cluster now: one of the same name in another account is."""
    arn = ["cluster_arn"] if olds.get("cluster_arn") and news.get("cluster_arn") else []
    return changed(olds, news, "cluster_name", "region", *arn)


def other_credentials(olds: Properties, news: Properties) -> bool:
    """Whether the state has to be written anew for the sake of whoever deletes by it."""
    before, after = olds.get("credentials"), news.get("credentials")
    return not is_unknown(after) and credentials.differ(before, after)


def say(message: str) -> None:
    """Shows `message` in what `pulumi` prints; the engine takes a provider's own output for that."""
    print(redaction.redacted(message), file=sys.stderr, flush=True)  # noqa: T201 - this is how a dynamic provider speaks


@cache
def say_once(message: str) -> None:
    """The same, and once in an operation of the engine, however many resources find it."""
    say(message)
