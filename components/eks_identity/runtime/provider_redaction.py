"""Redaction of secrets in everything that a dynamic provider prints, raises and returns.

The engine passes plain values to a dynamic provider. Of the returned properties it marks only those that have the name
of a secret input. So each method of a provider is wrapped: the wrapper reads which inputs are secret, and marks values
derived from them.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache, wraps
from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN, _special_secret_sig, _special_sig_key

from eks_identity import redaction
from eks_identity.errors import redact_error
from eks_identity.redaction import Redactor
from eks_identity.runtime.custom_resource import SECRET_INPUTS

METHODS = frozenset({"check", "diff", "create", "read", "update", "delete"})
"""Methods of a provider that the engine calls."""


def redact_secrets(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method of a provider so that it reveals nothing of its secret inputs."""

    @wraps(method)
    def wrapper(provider: Any, *arguments: Any) -> Any:
        properties = [argument for argument in arguments if isinstance(argument, Mapping)]
        names = sorted({name for props in properties for name in secret_inputs(props)})
        redactor = cache(lambda: _redactor(properties, names))
        with redaction.use_redactor(redactor):
            try:
                result = method(provider, *arguments)
            except Exception as error:
                hidden = redact_error(error, redactor())
                if hidden is error:
                    raise
                raise hidden from None
        return _ResultRedaction(properties, names, redactor).redact(result)

    return wrapper


def secret_inputs(props: Mapping[str, Any]) -> Collection[str]:
    """Return the names of the secret inputs that the component passed, none as long as they are unknown."""
    names = props.get(SECRET_INPUTS)
    return names if isinstance(names, list) else ()


def _redactor(properties: list[Mapping[str, Any]], names: Collection[str]) -> Redactor:
    redactor = Redactor()
    for props in properties:
        marked = [value for name, value in props.items() if name in names and not _is_unknown(value)]
        plain = [value for name, value in props.items() if name not in names and not name.startswith("__")]
        redactor.extend(Redactor(marked, plain))
    return redactor


class _ResultRedaction:
    """Redaction of the result of one call of a provider."""

    def __init__(
        self, properties: list[Mapping[str, Any]], names: Collection[str], redactor: Callable[[], Redactor]
    ) -> None:
        self._properties = properties
        self._names = names
        self._redactor = redactor

    def redact(self, result: Any) -> Any:
        match result:
            case CheckResult():
                failures = [CheckFailure("", self._redactor().redact(failure.reason)) for failure in result.failures]
                return CheckResult(self._mark(result.inputs) or {}, failures)
            case CreateResult():
                return CreateResult(self._id(result.id), self._mark(result.outs))
            case ReadResult():
                return ReadResult(result.id, self._mark(result.outs), self._mark(result.inputs))
            case UpdateResult():
                return UpdateResult(self._mark(result.outs))
            case DiffResult():
                return self._with_new_secrets(result)
        return result

    def _id(self, id_: str) -> str:
        """Return an id without secrets: a state never encrypts an id."""
        return self._redactor().redact(id_) if self._names else id_

    def _mark(self, props: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return `props` with the names of the secret inputs. Values derived from a secret are marked as secrets."""
        if props is None:
            return None
        inputs = self._properties[-1]
        marked = dict(props)
        if marked and SECRET_INPUTS in inputs:
            marked[SECRET_INPUTS] = inputs[SECRET_INPUTS]
        for name, value in marked.items():
            derived = inputs.get(name) != value and name not in self._names and not name.startswith("__")
            if derived and self._redactor().contains_secret(value):
                marked[name] = secret(value)
        return marked

    def _with_new_secrets(self, result: DiffResult) -> DiffResult:
        """Report a change if an input became a secret: the state has its value unencrypted and must be rewritten."""
        olds, news = self._properties
        if not result.changes and not set(secret_inputs(news)) <= set(secret_inputs(olds)):
            result.changes = True
        return result


def secret(value: Any) -> dict[str, Any]:
    """Return `value` marked as a secret, in the engine's format."""
    return {_special_sig_key: _special_secret_sig, "value": value}


def _is_unknown(value: Any) -> bool:
    return bool(value == UNKNOWN)
