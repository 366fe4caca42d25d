"""How components read what they are given: a plain value is checked at once, an Output where its value is known.

Both are checked by the same functions of `model`, so that the rule and the words are the same. Plain values are checked
before the component is registered, all of them, and refused together. An Output that is unknown in a preview is left
alone: its `apply` does not run. What is secret is in no error and in no warning.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import pulumi

from eks_identity import redaction
from eks_identity.errors import InvalidInput, Problem, Problems, without_secrets
from eks_identity.model import names
from eks_identity.redaction import SECRET, Redactor
from eks_identity.runtime import mistakes, program_state
from eks_identity.runtime.args_validation import PLAIN, is_output, validate_args
from eks_identity.runtime.outputs import collect_outputs, redactor_of

T = TypeVar("T")
V = TypeVar("V")
_IN_AN_ARN = "the resource's ARN has this value, and ARNs are plain in the state"


class InvalidInputError(InvalidInput, pulumi.RunError):
    """An `InvalidInput` that the Pulumi command line shows as a message, without a traceback."""


class Inputs:
    """The inputs of one component. Its `with` block ends in one refusal that has every problem of the plain values.

    Args that do not have the `shape` of their TypedDict are refused first, all of that at once: there is nothing to
    check rules on.
    """

    def __init__(self, subject: str, args: Any, shape: type) -> None:
        self.subject = subject
        self.problems = Problems(subject)
        self._closed = False
        self._refusal: InvalidInputError | None = None
        found = validate_args(args, shape)
        if found:
            raise _explained(found, subject)

    def take(self, under: str, value: pulumi.Input[V], parse: Callable[[V], T]) -> pulumi.Input[T]:
        """`value` as `parse` returns it: at once where it is plain. Where that is refused, the block's end raises."""
        if is_plain(value):
            return cast("T", self.problems.parse(under, parse, cast("V", value)))
        return self.later(value, parse, under)

    def take_public(self, under: str, value: pulumi.Input[V], parse: Callable[[V], T]) -> pulumi.Input[T]:
        """`take` a value that is part of an ARN: a secret is rejected, since ids and ARNs are plain in the state."""
        if is_plain(value):
            return self.take(under, value, parse)
        late: pulumi.Output[V] = pulumi.Output.from_input(value)

        async def require_plain(known: V) -> V:
            if await late.is_secret():
                raise InvalidInputError([not_secret(under, _IN_AN_ARN)], subject=self.subject)
            return known

        public: pulumi.Output[V] = late.apply(require_plain, run_with_unknowns=True)
        return self.take(under, public, parse)

    def later(self, value: Any, parse: Callable[[Any], T], under: str = "") -> pulumi.Output[T]:
        """`parse` of `value` (Outputs anywhere in it) once it is known; what it refuses names this component."""
        made: pulumi.Input[T] = self.once_known(value, parse, under)
        return made if isinstance(made, pulumi.Output) else pulumi.Output.from_input(made)

    def once_known(self, value: Any, parse: Callable[[Any], T], under: str = "") -> pulumi.Input[T]:
        """The same, at once and plain where `value` is: an Output costs more than whatever is checked here.

        In a block that has problems already, `value` may be what was refused, and is left alone.
        """

        def known(given: Any) -> T:
            if self._refusal is not None:
                raise self._refusal  # as above
            return parse(given)

        if not is_plain(value):
            return refusing(value, known, self.subject, under)
        if self._closed:
            try:
                return known(value)
            except InvalidInput as refusal:
                raise named(refusal, self.subject, under) from None
        return cast("T", None if self.problems.found else self.problems.parse(under, parse, value))

    def texts(self, field: str, values: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
        """`values`, where an Output that is no text is rejected: Pulumi's SDK would print the value."""
        return {
            key: value if is_plain(value) else self.later(value, names.text, f"{field}.{key}")
            for key, value in values.items()
        }

    def has_refused(self, under: str) -> bool:
        """Whether something below this input was refused already: then nothing is compared with it."""
        return any(problem.input.startswith(f"{under}.") for problem in self.problems.found)

    def require(self, *problems: Problem) -> None:
        """Adds problems that were found elsewhere."""
        self.problems.extend(problems)

    def one_of(self, value: str, field: str, kinds: Callable[[str], T]) -> T | None:
        """A plain value that decides which resources there are, and so cannot be an Output."""
        return self.problems.parse(field, kinds, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._closed = True
        if error is None and self.problems.found:
            self._refusal = _explained(self.problems.found, self.subject)
            raise self._refusal


def refusing(value: Any, parse: Callable[[Any], T | Awaitable[T]], subject: str, under: str = "") -> pulumi.Output[T]:
    """`parse` of `value` (Outputs anywhere in it) once it is known; what it refuses names `subject` and `under`.

    Errors and warnings of `parse` show nothing of what is secret.
    """
    late, whole = collect_outputs(value)
    hooks = program_state.program_hooks()

    async def refuse(refusal: InvalidInput) -> T:
        # A refusal ends the program, and a server of hooks that is stopped while it starts ends it without a word
        # (grpcio 1.85: it crashes).
        await asyncio.gather(*(hook._registered for hook in hooks), return_exceptions=True)  # noqa: SLF001 - as above
        raise named(refusal, subject, under)

    async def awaited(made: Awaitable[T], redactor: Callable[[], Redactor]) -> T:
        try:
            with redaction.using(redactor), redacted_errors():
                return await made
        except InvalidInput as refusal:
            return await refuse(refusal)

    def known(found: Any) -> pulumi.Input[T]:
        redactor = cache(partial(redactor_of, value, found))
        try:
            with redaction.using(redactor), redacted_errors():
                made = parse(whole(found))
        except InvalidInput as refusal:
            return refuse(refusal)
        return awaited(made, redactor) if inspect.isawaitable(made) else made

    return late.apply(known)


@contextmanager
def redacted_errors() -> Iterator[None]:
    """What the block raises, without any secret of the values that are being looked at."""
    try:
        yield
    except Exception as error:
        hidden = without_secrets(error, redaction.current())
        if hidden is error:
            raise
        raise hidden from None


def not_secret(under: str, shown_in: str) -> Problem:
    """Return the validation error of a secret that would be shown unencrypted."""
    fix = "pass pulumi.Output.unsecret(…) of it: a name, an ARN or an issuer gives nobody access"
    return Problem(under, f"must not be a secret: {shown_in}", SECRET, fix)


def named(refusal: InvalidInput, subject: str, under: str) -> InvalidInputError:
    """`refusal` as one of `subject`, unless it is somebody's already."""
    if isinstance(refusal, InvalidInputError):
        return refusal
    return _explained((problem.under(under) for problem in refusal.problems), subject)


def _explained(problems: Iterable[Problem], subject: str) -> InvalidInputError:
    """The error of these problems; common mistakes of Pulumi programs get the words of `mistakes`."""
    return InvalidInputError(map(mistakes.explain, problems), subject=subject)


def is_plain(value: Any) -> bool:
    """Whether no Output and no Awaitable is anywhere in `value`."""
    if isinstance(value, PLAIN):
        return True
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, Sequence):
        return all(map(is_plain, value))
    return not is_output(value)


async def known(value: pulumi.Input[V]) -> V | None:
    """The value, for those who ask while the engine waits for the answer; None where a preview does not know it."""
    if is_plain(value):
        redaction.note(Redactor(plain=[value]))
        return cast("V", value)
    late, whole = collect_outputs(value)
    found = await late.future()
    if found is None:
        return None
    redaction.note(redactor_of(value, found))
    return cast("V", whole(found))


def require_provider(component: pulumi.ComponentResource, package: str, how: str) -> None:
    """Refuses a component that would fall back to the default provider of `package`.

    With kubernetes that is whatever cluster the machine's own kubeconfig points at.
    """
    if component.get_provider(f"{package}:index:Any") is None:
        raise InvalidInputError(
            [
                Problem(
                    "opts.providers", f"has a {package} provider, so that the cluster is the declared one", None, how
                )
            ],
            subject=f'{type(component).__name__} "{component._name}"',  # noqa: SLF001 - Pulumi has no public name
        )


CLUSTER_PROVIDER = "pass opts=pulumi.ResourceOptions(providers=[cluster.provider])"
