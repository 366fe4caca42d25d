"""What the library says when it refuses, in one place, so that a caller can catch as much or as little as it wants.

EksIdentityError
├── InvalidInput              what was declared breaks a rule of AWS or Kubernetes; holds its problems
├── UnexpectedError           a fault of the code whose traceback had a secret in it
├── MalformedDocumentError    an aws-auth ConfigMap or kubeconfig that is there is not what it claims to be
├── AwsError                  AWS's API did not do what was asked
│   ├── AwsUnreachableError       no answer
│   └── AwsRefusedError           an answer, and it was no: credentials or IAM
└── ClusterError              the cluster's API did not do what was asked
    ├── ClusterUnreachableError   no answer
    ├── ClusterRefusedError       an answer, and it was no: credentials or RBAC
    └── WriteConflictError        others kept writing the same object until we gave up
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
    """One input that breaks one rule, with the way out. All four are sentences or values that fit in a line."""

    input: str
    """Where it was written, as the user wrote it: `principals[0].arn`."""
    rule: str
    """What must hold, and whose rule it is."""
    value: object
    """What was given instead."""
    fix: str
    """What to write, or what to run."""

    def under(self, prefix: str) -> Problem:
        """The same problem, seen from one level further out: `arn` under `principals[0]` is `principals[0].arn`."""
        if not prefix:
            return self
        joint = "" if not self.input or self.input.startswith("[") else "."
        return replace(self, input=f"{prefix}{joint}{self.input}")

    def redacted(self, redactor: Redactor) -> Problem:
        """The same problem without any secret that `redactor` knows."""
        return Problem(
            redactor.redact(self.input),
            redactor.redact(self.rule),
            redactor.shown(self.value),
            redactor.redact(self.fix),
        )

    def __str__(self) -> str:
        # A kubeconfig with credentials is secret, although nobody marked it.
        safe = self.redacted(Redactor(plain=[self.value]))
        return f"{safe.input}: {_shown(safe.value)}\n    rule: {safe.rule}\n    fix:  {safe.fix}"


class EksIdentityError(Exception):
    """Everything that this library raises on purpose."""

    def redacted(self, redactor: Redactor) -> EksIdentityError:
        """The same error without any secret that `redactor` knows."""
        return type(self)(redactor.redact(str(self)))


class InvalidInput(EksIdentityError):  # noqa: N818 - it names what is wrong, as the message does
    """What was declared breaks rules; `problems` has every one that was found, in the order of the inputs."""

    def __init__(self, problems: Iterable[Problem], *, subject: str = "") -> None:
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
    """A fault of this library or of one that it uses, with its traceback, in which a secret was."""


@contextmanager
def part_of(whole: object, part: str) -> Iterator[None]:
    """Show the `whole` value in problems of a part of it, which the rule names: `the account in an ARN`."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            [
                replace(each, input="", value=whole, rule=f"must have a valid {part}: {each.rule}")
                for each in error.problems
            ],
            subject=error.subject,
        ) from None


class MalformedDocumentError(EksIdentityError):
    """A document that exists cannot be understood, and so is not written either."""


class AwsError(EksIdentityError):
    """AWS's API did not do what was asked of it."""


class AwsUnreachableError(AwsError):
    """AWS's API gave no answer."""


class AwsRefusedError(AwsError):
    """AWS's API answered that these credentials may not do this, or are none."""


class ClusterError(EksIdentityError):
    """The cluster's API did not do what was asked of it."""


class ClusterUnreachableError(ClusterError):
    """The cluster's API server gave no answer."""


class ClusterRefusedError(ClusterError):
    """The cluster's API server answered that these credentials may not do this."""


class WriteConflictError(ClusterError):
    """Other writers kept changing the object between our read and our write, for as long as we tried."""


def without_secrets(error: Exception, redactor: Redactor) -> Exception:
    """`error` itself where no secret is in it; else the same error without the secrets."""
    if isinstance(error, EksIdentityError):
        hidden = error.redacted(redactor)
        return error if str(hidden) == str(error) else hidden
    text = "".join(traceback.format_exception(error))
    safe = redactor.redact(text)
    return error if safe == text else UnexpectedError(safe)


class Problems:
    """Collects problems, and raises them all at once where its `with` block ends."""

    def __init__(self, subject: str = "") -> None:
        self.subject = subject
        self.found: list[Problem] = []

    def add(self, input: str, rule: str, value: object, fix: str) -> None:  # noqa: A002 - the word of `Problem`
        self.found.append(Problem(input, rule, value, fix))

    def extend(self, problems: Iterable[Problem], under: str = "") -> None:
        self.found.extend(problem.under(under) for problem in problems)

    def parse(self, under: str, parse: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        """What `parse` returns, or None where it refuses; what it refused is kept, as inputs below `under`."""
        try:
            return parse(*args, **kwargs)
        except InvalidInput as refusal:
            self.extend(refusal.problems, under)
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is None and self.found:
            raise InvalidInput(self.found, subject=self.subject)


def _shown(value: object) -> str:
    return value if value is SECRET else repr(value)
