"""Keeps secrets out of whatever a dynamic provider prints, raises and returns.

The engine hands such a provider plain values and marks in its answers only the properties that have the name of a
secret input. So each method is wrapped: it knows which inputs are secret, and marks what was derived from them.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache, wraps
from typing import Any

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime.rpc import UNKNOWN, _special_secret_sig, _special_sig_key

from eks_identity import redaction
from eks_identity.errors import without_secrets
from eks_identity.redaction import Redactor
from eks_identity.runtime.custom_resource import SECRET_INPUTS

METHODS = frozenset({"check", "diff", "create", "read", "update", "delete"})
"""What the engine calls."""


def redacting(method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` of a provider, which then shows nothing of its secret inputs."""

    @wraps(method)
    def redacted(provider: Any, *arguments: Any) -> Any:
        given = [each for each in arguments if isinstance(each, Mapping)]
        names = sorted({name for each in given for name in secret_inputs(each)})
        redactor = cache(lambda: _redactor(given, names))
        with redaction.using(redactor):
            try:
                result = method(provider, *arguments)
            except Exception as error:
                hidden = without_secrets(error, redactor())
                if hidden is error:
                    raise
                raise hidden from None
        return _Answer(given, names, redactor).without_secrets(result)

    return redacted


def secret_inputs(props: Mapping[str, Any]) -> Collection[str]:
    """The names of the secret inputs, as the component passed them; unknown ones are none yet."""
    names = props.get(SECRET_INPUTS)
    return names if isinstance(names, list) else ()


def _redactor(given: list[Mapping[str, Any]], names: Collection[str]) -> Redactor:
    redactor = Redactor()
    for props in given:
        marked = [value for name, value in props.items() if name in names and not _is_unknown(value)]
        plain = [value for name, value in props.items() if name not in names and not name.startswith("__")]
        redactor.extend(Redactor(marked, plain))
    return redactor


class _Answer:
    """What one call of a provider returned."""

    def __init__(
        self, given: list[Mapping[str, Any]], names: Collection[str], redactor: Callable[[], Redactor]
    ) -> None:
        self._given = given
        self._names = names
        self._redactor = redactor

    def without_secrets(self, result: Any) -> Any:
        match result:
            case CheckResult():
                failures = [CheckFailure("", self._redactor().redact(each.reason)) for each in result.failures]
                return CheckResult(self._marked(result.inputs) or {}, failures)
            case CreateResult():
                return CreateResult(self._id(result.id), self._marked(result.outs))
            case ReadResult():
                return ReadResult(result.id, self._marked(result.outs), self._marked(result.inputs))
            case UpdateResult():
                return UpdateResult(self._marked(result.outs))
            case DiffResult():
                return self._with_new_secrets(result)
        return result

    def _id(self, id_: str) -> str:
        """An id is never secret in a state, so it must not have a secret in it."""
        return self._redactor().redact(id_) if self._names else id_

    def _marked(self, props: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """`props`, with the names of the secret inputs, and marked where they were derived from one."""
        if props is None:
            return None
        own = self._given[-1]
        found = dict(props)
        if found and SECRET_INPUTS in own:
            found[SECRET_INPUTS] = own[SECRET_INPUTS]
        for name, value in found.items():
            derived = own.get(name) != value and name not in self._names and not name.startswith("__")
            if derived and self._redactor().contains_secret(value):
                found[name] = secret(value)
        return found

    def _with_new_secrets(self, result: DiffResult) -> DiffResult:
        """Where an input became a secret, the state has to be written again: it has the value in plain."""
        olds, news = self._given
        if not result.changes and not set(secret_inputs(news)) <= set(secret_inputs(olds)):
            result.changes = True
        return result


def secret(value: Any) -> dict[str, Any]:
    """`value` as the engine reads a secret."""
    return {_special_sig_key: _special_secret_sig, "value": value}


def _is_unknown(value: Any) -> bool:
    return bool(value == UNKNOWN)
