"""Exceptions that the library raises. Callers can catch a branch of the tree or one class.

EksIdentityError
├── InvalidInput              declared inputs break rules of AWS or Kubernetes; has the list of problems
├── UnexpectedError           an unexpected exception whose traceback contained a secret
├── NoPrincipalError          an ARN is not that of an IAM user, role or session
├── MalformedDocumentError    an existing aws-auth ConfigMap or kubeconfig cannot be parsed
├── AwsError                  a request to AWS failed
│   ├── AwsUnreachableError       no response
│   └── AwsDeniedError            denied: by IAM, or because of the credentials
└── ClusterError              a request to the Kubernetes API failed
    ├── ClusterUnreachableError   no response, or one of an API server that is not ready
    ├── ClusterDeniedError        denied: by RBAC, or because of the credentials
    └── WriteConflictError        other writers changed the object on every attempt
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from eks_identity.redaction import SECRET, Redactor

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Problem:
    """An input that breaks a rule, and how to fix it. Each field is a value or a sentence of one line."""

    input: str
    """Path of the input, as in the program: `principals[0].arn`."""
    rule: str
    """The rule, which completes "the input must …", with its owner: EKS, IAM, Kubernetes."""
    value: object
    """The value that breaks the rule."""
    fix: str
    """An imperative: the value to write, or the command to run."""

    def with_prefix(self, prefix: str) -> Problem:
        """Return the problem with `prefix` before its path: `arn` under `principals[0]` is `principals[0].arn`."""
        if not prefix:
            return self
        joint = "" if not self.input or self.input.startswith("[") else "."
        return replace(self, input=f"{prefix}{joint}{self.input}")

    def redacted(self, redactor: Redactor) -> Problem:
        """Return the problem without the secrets of `redactor`."""
        return Problem(
            redactor.redact(self.input),
            redactor.redact(self.rule),
            redactor.redact_value(self.value),
            redactor.redact(self.fix),
        )

    def __str__(self) -> str:
        # A kubeconfig with credentials is secret even if the program does not mark it.
        safe = self.redacted(Redactor(plain=[self.value]))
        value = safe.value if safe.value is SECRET else repr(safe.value)
        rule, fix = (_printable(text, keep="\n") for text in (safe.rule, safe.fix))
        return f"{_printable(f'{safe.input}: {value}')}\n    rule: {rule}\n    fix:  {fix}"


def _printable(text: str, keep: str = "") -> str:
    """Return `text` with escapes of the characters that a terminal would obey, and of those that it cannot show."""
    return "".join(each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text)


class EksIdentityError(Exception):
    """Base class of all exceptions that this library raises on purpose."""

    def redacted(self, redactor: Redactor) -> EksIdentityError:
        """Return the error without the secrets of `redactor`."""
        return type(self)(redactor.redact(str(self)))


class InvalidInput(EksIdentityError):  # noqa: N818 - the name of the problem, as in the message
    """Inputs break rules. `problems` has all of them, in the order of the inputs."""

    def __init__(self, problems: Iterable[Problem], subject: str = "") -> None:
        self.problems = tuple(problems)
        self.subject = subject
        super().__init__(self.problems, subject)

    def redacted(self, redactor: Redactor) -> InvalidInput:
        problems = [problem.redacted(redactor) for problem in self.problems]
        return type(self)(problems, subject=redactor.redact(self.subject))

    def __str__(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        head = f"{self.subject}: {count}" if self.subject else count
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])


class UnexpectedError(EksIdentityError):
    """A bug of this library or of a dependency. The message is its traceback with the secrets removed."""


@contextmanager
def problems_of_part(value: object, part: str) -> Iterator[None]:
    """Report problems of a part with the whole `value`. The rule names the part: `the account in an ARN`."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            [
                replace(problem, input="", value=value, rule=f"must have a valid {part}: {problem.rule}")
                for problem in error.problems
            ],
            subject=error.subject,
        ) from None


class NoPrincipalError(EksIdentityError, ValueError):
    """An ARN is not that of an IAM user, role or session, which make requests."""


class MalformedDocumentError(EksIdentityError):
    """An existing document cannot be parsed, so the library does not write it either."""


class AwsError(EksIdentityError):
    """A request to AWS failed."""


class AwsUnreachableError(AwsError):
    """AWS did not respond."""


class AwsDeniedError(AwsError):
    """AWS denied the request: IAM does not allow it, or the credentials are missing or not valid."""


class ClusterError(EksIdentityError):
    """A request to the Kubernetes API failed."""


class ClusterUnreachableError(ClusterError):
    """The Kubernetes API server did not respond, or is not ready."""


class ClusterDeniedError(ClusterError):
    """The Kubernetes API server denied the request, or the kubeconfig yields no credentials."""


class WriteConflictError(ClusterError):
    """Other writers changed the object between read and write on every attempt."""


def drop_parts_of_omitted(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems without those of an input that another problem says to omit: its fix removes the input."""
    found = list(problems)
    omitted = [problem.input for problem in found if problem.rule.startswith(_OMITTED)]
    parts = tuple(f"{name}{joint}" for name in omitted for joint in (".", "["))
    return [
        problem
        for problem in found
        if problem.rule.startswith(_OMITTED)
        or not (problem.input in omitted or (parts and problem.input.startswith(parts)))
    ]


_OMITTED = "must be omitted"


def redact_error(error: Exception, redactor: Redactor) -> Exception:
    """Return `error` if it contains no secret, otherwise the same error with the secrets removed."""
    if isinstance(error, EksIdentityError):
        hidden = error.redacted(redactor)
        return error if str(hidden) == str(error) else hidden
    text = "".join(traceback.format_exception(error))
    safe = redactor.redact(text)
    return error if safe == text else UnexpectedError(safe)


class Problems:
    """A list of problems. Leaving its `with` block raises one `InvalidInput` with all of them."""

    def __init__(self, subject: str = "") -> None:
        self.subject = subject
        self.items: list[Problem] = []

    def add(self, input: str, rule: str, value: object, fix: str) -> None:  # noqa: A002 - the field's name in `Problem`
        self.items.append(Problem(input, rule, value, fix))

    def extend(self, problems: Iterable[Problem], under: str = "") -> None:
        self.items.extend(problem.with_prefix(under) for problem in problems)

    def parse(self, under: str, parse: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        """Return the result of `parse`. If it raises `InvalidInput`, add its problems under `under`, return None."""
        try:
            return parse(*args, **kwargs)
        except InvalidInput as error:
            self.extend(error.problems, under)
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is None and self.items:
            raise InvalidInput(self.items, subject=self.subject)
