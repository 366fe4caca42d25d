"""Collection of the errors of several components, so that one preview shows the problems of all of them.

A component with invalid args raises an error, which ends a Python program at its first such component. A program that
declares components from settings collects the errors, and ends with all of them:

    with collect_errors() as errors:
        for key, args in settings.items():
            with errors.of(f"settings.{key}"):
                ClusterAccess(key, args)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from eks_identity.redaction import Redactor
from eks_identity.runtime.inputs import InvalidInputError


class InvalidComponentsError(InvalidInputError):
    """The errors of several components. `problems` has those of all, in the order of the program."""

    def __init__(self, errors: Iterable[InvalidInputError]) -> None:
        self.errors = tuple(errors)
        super().__init__([problem for error in self.errors for problem in error.problems])
        self.args = (self.errors,)  # pickle passes them

    def redacted(self, redactor: Redactor) -> InvalidComponentsError:
        return InvalidComponentsError(_redacted(error, redactor) for error in self.errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class ComponentErrors:
    """The errors that components raised in blocks of `of`."""

    def __init__(self) -> None:
        self._collected: list[tuple[str, InvalidInputError]] = []

    @contextmanager
    def of(self, place: str = "") -> Iterator[None]:
        """Collect an error of the block's component; `place`, before its subject, is where its args are written."""
        try:
            yield
        except InvalidInputError as error:
            self._collected.append((place, error))

    def raise_collected(self) -> None:
        """Raise the collected errors as one, if there are any."""
        if not self._collected:
            return
        of_program = InvalidComponentsError(
            InvalidInputError(error.problems, subject=": ".join(filter(None, [place, error.subject])))
            for place, error in self._collected
        )
        for _, error in self._collected:
            error.of_program = of_program
        raise of_program


@contextmanager
def collect_errors() -> Iterator[ComponentErrors]:
    """Yield a collection, and raise its errors as one at the end of the block."""
    errors = ComponentErrors()
    yield errors
    errors.raise_collected()


def _redacted(error: InvalidInputError, redactor: Redactor) -> InvalidInputError:
    problems = [problem.redacted(redactor) for problem in error.problems]
    return InvalidInputError(problems, subject=redactor.redact(error.subject))
