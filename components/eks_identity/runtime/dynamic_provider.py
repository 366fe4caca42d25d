"""Base class and helpers of the library's dynamic providers.

Pulumi pickles a dynamic provider into the state. The library's providers have no state of their own, and the pickle
contains only a name that `provider_named` resolves. So a state contains no code and no module paths of providers, and a
newer library can serve older states. A program refers to its providers by the same name (`reference`), so it imports
neither boto3 nor lightkube.
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
"""Inputs or outputs of a resource, as Pulumi passes them to a provider. Unknown values are `UNKNOWN`."""


_MODULES = {
    "LockoutGuardProvider": "access.lockout_guard",
    "AccessEntryProvider": "access.access_entry",
    "AuthenticationModeMigrationProvider": "access.migration",
    "AwsAuthMappingProvider": "access.aws_auth_mapping",
}


def provider_named(name: str) -> ResourceProvider:
    """Return the provider of this name. States contain this function's path and the names: neither may change."""
    provider: type[ResourceProvider] = getattr(import_module(f"eks_identity.{_MODULES[name]}"), name)
    return provider()


def provider_reference(name: str) -> ProviderReference:
    """Return a reference to the provider of this name, for the resource that it serves."""
    return ProviderReference(provider_named, name)


class EksIdentityProvider(ResourceProvider):
    """A dynamic provider whose errors are shown without a traceback and without secrets."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in provider_redaction.METHODS & vars(cls).keys():
            setattr(cls, name, provider_redaction.redact_secrets(vars(cls)[name]))

    config: Config | None = None
    """The program's config, set when the engine configures the provider. In the plugin for other languages it has only
    `eks-identity:profile`, because the engine passes a plugin the config of its own package."""

    def configure(self, req: ConfigureRequest) -> None:
        """Store the config, and make Pulumi's host print the library's errors without a traceback."""
        super().configure(req)
        self.config = req.config
        host = sys.modules["__main__"]
        if getattr(host, "traceback", None) is traceback:
            host.traceback = _MessagesOnly  # type: ignore[attr-defined]

    def credentials(self, props: Properties) -> str:
        """Return the credentials of a resource: those of its aws provider, or of the program's config."""
        return credentials.select_settings(props.get("credentials"), self._get)

    def kept_credentials(self, props: Properties) -> str:
        """Return the credentials in the state. If their keys are expired, return others of the cluster's account."""
        in_state = self.credentials(props)
        arn = props.get("cluster_arn")
        if arn is None or not credentials.has_keys(in_state) or _account(props, in_state) is not None:
            return in_state
        others = (*reversed(_CREDENTIALS), credentials.select_settings(None, self._get))
        return next((other for other in others if _account(props, other) == Arn.parse(arn).account), in_state)

    def _get(self, key: str) -> str | None:
        return self.config.get(key) if self.config else None


_CREDENTIALS: dict[str, None] = {}
"""Credentials of the resources in this run, in the order in which the engine passed them."""


def remember_credentials(news: Properties) -> None:
    """Store the credentials in new inputs for deletions: a deleted resource has the credentials of an earlier run."""
    current = news.get("credentials")
    if current is not None and not has_unknowns(current):
        _CREDENTIALS[current] = None


def _account(props: Properties, keys: str) -> str | None:
    """Return the account of these credentials, None if AWS rejects them."""
    from eks_identity.clients.aws_sessions import aws_clients  # noqa: PLC0415 - boto3 loads slowly; programs never call this

    try:
        return aws_clients(props["region"], keys).caller[0]
    except AwsError:
        return None


class _MessagesOnly:
    """Replaces the module `traceback` in Pulumi's host. Exceptions of other code keep their traceback."""

    @staticmethod
    def format_exc() -> str:
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, EksIdentityError) else traceback.format_exc()


def check_result(inputs: Properties, problems: Iterable[Problem]) -> CheckResult:
    """Return the result of `check` for these problems, if any.

    No failure names a property, because the engine would print its value. The problem has the property's path.
    """
    return CheckResult(
        inputs, [CheckFailure("", str(problem.redacted(redaction.current_redactor()))) for problem in problems]
    )


def has_unknowns(value: Any) -> bool:
    """Return whether `value` contains a value that this preview cannot resolve."""
    if isinstance(value, dict):
        return any(map(has_unknowns, value.values()))
    if isinstance(value, list):
        return any(map(has_unknowns, value))
    # The engine may pass an output value with its dependencies in place of the constant for unknown.
    return isinstance(value, Unknown) or bool(value == UNKNOWN)


def changed_properties(olds: Properties, news: Properties, *names: str) -> list[str]:
    """Return the names of the properties that differ. An unknown property is no change: it may turn out the same."""
    return [name for name in names if olds.get(name) != news.get(name) and not has_unknowns(news.get(name))]


def differing_properties(olds: Properties, news: Properties, *names: str) -> list[str]:
    """Return the names of the properties that differ, unknown ones too. The order of a list is no difference."""
    return [name for name in names if _comparable(olds.get(name)) != _comparable(news.get(name))]


def _comparable(value: Any) -> Any:
    return (sorted(map(str, value)) if isinstance(value, list) else value) or None


def cluster_changes(olds: Properties, news: Properties) -> list[str]:
    """Return the names of the changed properties that identify the cluster. The ARN tells accounts apart."""
    arn = ["cluster_arn"] if olds.get("cluster_arn") and news.get("cluster_arn") else []
    return changed_properties(olds, news, "cluster_name", "region", *arn)


def has_other_credentials(olds: Properties, news: Properties) -> bool:
    """Return whether the credentials in the state must be replaced: a later deletion uses those in the state."""
    before, after = olds.get("credentials"), news.get("credentials")
    return not has_unknowns(after) and credentials.settings_differ(before, after)


def print_message(message: str) -> None:
    """Print `message` to the standard error of the provider, which the engine shows in its output."""
    print(redaction.redact(message), file=sys.stderr, flush=True)  # noqa: T201 - the only channel of a dynamic provider


@cache
def print_message_once(message: str) -> None:
    """Print `message` once for each operation of the engine, even if several resources call this."""
    print_message(message)
