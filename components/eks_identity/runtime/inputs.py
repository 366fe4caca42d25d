"""Reading a component's args: each input is parsed once, into a typed value or an Output of one.

Plain values are parsed before the component is registered, and one error reports the problems of all of them. An
Output is parsed when it is resolved, by the same function of `model`, so that the rule and the words are the same; one
that a preview does not know is not parsed there. Secrets are in no error and in no warning.

A component's args are read from a table, a frozen dataclass with one parser for each input:

    @dataclass(frozen=True)
    class BucketInputs:
        name: pulumi.Input[BucketName] = parsed_by(BucketName.parse)
        readers: list[pulumi.Input[RoleArn]] = parsed_by(RoleArn.parse, each=True, default=())

    with Inputs(f'Bucket "{name}"', args, BucketArgs) as inputs:
        values = inputs.read(BucketInputs)
        inputs.parse("", [values.name, values.readers], require_own_account)

An input that breaks a rule becomes `INVALID` until the block ends with the error: what depends on it is not parsed, so
that each mistake is reported once.
"""

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

import pulumi

from eks_identity import redaction
from eks_identity.errors import InvalidInput, Problem, Problems, drop_parts_of_omitted, redact_error
from eks_identity.model import names
from eks_identity.redaction import SECRET, Redactor
from eks_identity.runtime import mistakes, program_state
from eks_identity.runtime.args_validation import PLAIN, is_output, validate_args
from eks_identity.runtime.outputs import build_redactor, collect_outputs

T = TypeVar("T")
V = TypeVar("V")
_IN_AN_ARN = "ids or ARNs of resources have this value, and both are plain in the state"


class _Invalid:
    """An input whose problem is already in the component's error."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final[Any] = _Invalid()
"""Stands for an input that broke a rule. Whatever is parsed from it is INVALID too, with no second problem."""


@dataclasses.dataclass(frozen=True)
class _Parser:
    """How one input of a table is parsed."""

    parse: Callable[[Any], Any]
    default: Any
    each: bool
    public: bool


def parsed_by(parse: Callable[[Any], Any], *, default: Any = None, each: bool = False, public: bool = False) -> Any:
    """Return the table's line for the input of the field's name.

    Args:
        parse: Returns the typed value, or raises `InvalidInput`.
        default: The value, not parsed, when the input is omitted.
        each: Parse every item of a list or every value of a mapping by itself; the result is a list or a dict.
        public: Reject a secret: the value is part of an id or an ARN, which Pulumi shows.
    """
    return dataclasses.field(default=default, metadata={"parser": _Parser(parse, default, each, public)})


class InvalidInputError(InvalidInput, pulumi.RunError):
    """An `InvalidInput` that the Pulumi command line shows as a message, without a traceback."""

    of_program: "InvalidInputError | None" = None
    """The error of all components, if the program collects the errors of several: see `component_errors.py`."""


class Inputs:
    """The inputs of one component. Its `with` block ends with one error that has the problems of all plain values.

    Args without the shape of their TypedDict are rejected first, with all such problems at once: there is nothing to
    parse.
    """

    def __init__(self, subject: str, args: Any, shape: type) -> None:
        self.subject = subject
        """The component, as messages name it: `ClusterAccess "operators"`."""
        self.problems = Problems(subject)
        self._args: Mapping[str, Any] = args
        self._closed = False
        self._error: InvalidInputError | None = None
        found = validate_args(args, shape)
        if found:
            raise _explained(found, subject)

    def read(self, table: type[T], under: str = "", args: Any = None) -> T:
        """Return the args, or the `args` of the input `under`, as a `table`: a dataclass of `parsed_by` fields."""
        values: dict[str, Any] = {}
        inputs: Mapping[str, Any] = self._args if args is None else args
        prefix = f"{under}." if under else ""
        for field in dataclasses.fields(table):  # type: ignore[arg-type]  # a dataclass, by the docstring
            parser: _Parser = field.metadata["parser"]
            name = f"{prefix}{field.name}"
            if field.name not in inputs:
                values[field.name] = parser.default
            elif parser.each:
                values[field.name] = self._parse_each(name, inputs[field.name], parser)
            else:
                values[field.name] = self.parse(name, inputs[field.name], parser.parse, public=parser.public)
        return table(**values)

    def _parse_each(self, under: str, values: Any, parser: _Parser) -> Any:
        if isinstance(values, Mapping):
            return {
                key: self.parse(f"{under}.{key}", value, parser.parse, public=parser.public)
                for key, value in values.items()
            }
        return [
            self.parse(f"{under}[{index}]", value, parser.parse, public=parser.public)
            for index, value in enumerate(values)
        ]

    def parse(self, under: str, value: Any, parse: Callable[[Any], T], *, public: bool = False) -> pulumi.Input[T]:
        """Return `parse(value)`: at once if no Output is in `value`, else as an Output.

        Problems are reported as those of the input `under`, or below it. In the block a plain value that `parse`
        rejects gives INVALID, and so does a `value` with INVALID anywhere in it; after the block the error is raised.
        """
        if contains_invalid(value):
            return cast("T", INVALID)
        if not is_plain(value):
            return self._parse_output(under, value, parse, public=public)
        if self._closed:
            try:
                return parse(value)
            except InvalidInput as error:
                raise with_subject(error, self.subject, under) from None
        try:
            return parse(value)
        except InvalidInput as error:
            self.problems.extend(error.problems, under)
            return cast("T", INVALID)

    def _parse_output(self, under: str, value: Any, parse: Callable[[Any], T], *, public: bool) -> pulumi.Output[T]:
        if public:
            value = self._public(under, pulumi.Output.from_input(value))

        def parse_resolved(resolved: Any) -> T:
            if self._error is not None:
                # The component was not registered. The engine shows this error in place of the program's own.
                raise self._error.of_program or self._error
            return parse(resolved)

        return parse_output(value, parse_resolved, self.subject, under)

    def _public(self, under: str, value: pulumi.Output[V]) -> pulumi.Output[V]:
        async def require_public(resolved: V) -> V:
            if await value.is_secret():
                raise InvalidInputError([not_secret(under, _IN_AN_ARN)], subject=self.subject)
            return resolved

        return value.apply(require_public, run_with_unknowns=True)

    def reject(self, *problems: Problem) -> None:
        """Add problems that a check of several inputs found."""
        self.problems.extend(problems)

    def text_values(self, field: str, values: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
        """Return `values`; an Output that resolves to no string is rejected, since Pulumi's SDK would print it."""
        return {
            key: value if is_plain(value) else self._parse_output(f"{field}.{key}", value, names.text, public=False)
            for key, value in values.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._closed = True
        if error is None and self.problems.items:
            self._error = _explained(self.problems.items, self.subject)
            raise self._error


def parse_output(
    value: Any, parse: Callable[[Any], T | Awaitable[T]], subject: str, under: str = ""
) -> pulumi.Output[T]:
    """Return `parse(value)` as an Output, once all Outputs in `value` are resolved.

    An `InvalidInput` of `parse` is raised as the validation error of the component `subject` and its input `under`.
    Errors and warnings of `parse` contain no secret.
    """
    outputs, rebuild = collect_outputs(value)
    hooks = program_state.program_hooks()

    async def reject(error: InvalidInput) -> T:
        # A validation error ends the program. If the program ends while the server of hooks starts, grpcio (1.85)
        # crashes, and the error is lost.
        await asyncio.gather(*(hook._registered for hook in hooks), return_exceptions=True)  # noqa: SLF001 - as above
        raise with_subject(error, subject, under)

    async def wait(parsed: Awaitable[T], redactor: Callable[[], Redactor]) -> T:
        try:
            with redaction.use_redactor(redactor), redacted_errors():
                return await parsed
        except InvalidInput as error:
            return await reject(error)

    def parse_resolved(resolved: Any) -> pulumi.Input[T]:
        redactor = cache(partial(build_redactor, value, resolved))
        try:
            with redaction.use_redactor(redactor), redacted_errors():
                parsed = parse(rebuild(resolved))
        except InvalidInput as error:
            return reject(error)
        return wait(parsed, redactor) if inspect.isawaitable(parsed) else parsed

    return outputs.apply(parse_resolved)


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Raise the block's exceptions without the secrets of the current values."""
    try:
        yield
    except Exception as error:
        hidden = redact_error(error, redaction.current_redactor())
        if hidden is error:
            raise
        raise hidden from None


def not_secret(under: str, shown_in: str) -> Problem:
    """Return the validation error of a secret that would be shown unencrypted."""
    fix = "pass pulumi.Output.unsecret(…) of it: a name, an ARN or an issuer grants no access"
    return Problem(under, f"must not be a secret: {shown_in}", SECRET, fix)


def with_subject(error: InvalidInput, subject: str, under: str) -> InvalidInputError:
    """Return `error` as the validation error of the component `subject`, unless it is one of a component already."""
    if isinstance(error, InvalidInputError):
        return error
    return _explained((problem.with_prefix(under) for problem in error.problems), subject)


def _explained(problems: Iterable[Problem], subject: str) -> InvalidInputError:
    """Return the error of these problems; `mistakes` explains the common ones of Pulumi programs."""
    return InvalidInputError(map(mistakes.explain, drop_parts_of_omitted(problems)), subject=subject)


def contains_invalid(value: Any) -> bool:
    """Return whether INVALID is anywhere in `value`."""
    if isinstance(value, PLAIN):
        return False
    if isinstance(value, Mapping):
        return any(map(contains_invalid, value.values()))
    if isinstance(value, Sequence):
        return any(map(contains_invalid, value))
    return value is INVALID


def valid(values: Iterable[T]) -> list[T]:
    """Return the `values` without those that are INVALID, for checks that compare them with one another."""
    return [value for value in values if value is not INVALID]


def is_plain(value: Any) -> bool:
    """Return whether `value` contains no Output and no Awaitable."""
    if isinstance(value, PLAIN):
        return True
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, Sequence):
        return all(map(is_plain, value))
    return not is_output(value)


async def resolve(value: pulumi.Input[V]) -> V | None:
    """Return the resolved value, for resource hooks; None if a preview does not know it."""
    if is_plain(value):
        redaction.add_to_current(Redactor(plain=[value]))
        return cast("V", value)
    outputs, rebuild = collect_outputs(value)
    resolved = await outputs.future()
    if resolved is None:
        return None
    redaction.add_to_current(build_redactor(value, resolved))
    return cast("V", rebuild(resolved))


def require_provider(component: pulumi.ComponentResource, package: str, how: str) -> None:
    """Raise `InvalidInputError` if the component would use the default provider of `package`.

    The default kubernetes provider is of the cluster in the machine's kubeconfig, not of the declared one.
    """
    if component.get_provider(f"{package}:index:Any") is None:
        raise InvalidInputError(
            [Problem("opts.providers", f"must have a {package} provider of the declared cluster", None, how)],
            subject=f'{type(component).__name__} "{component._name}"',  # noqa: SLF001 - Pulumi has no public name
        )


CLUSTER_PROVIDER = "pass opts=pulumi.ResourceOptions(providers=[cluster.provider])"
