"""Fields of TypedDicts: the only code that reads the annotations and the source of the args classes.

| used by                         | for                                              |
|---------------------------------|--------------------------------------------------|
| `runtime/args_validation.py`    | validation of a component's args                 |
| `stacks/settings`               | the settings' models                             |
| `plugin/schema.py`, `wire.py`   | the package schema, values of other languages    |

Annotations are resolved, so every name in them must exist when the program runs. The source is parsed only for
descriptions, because parsing takes milliseconds for each class.
"""

import ast
import enum
import inspect
import textwrap
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from types import MappingProxyType, UnionType
from typing import Any, TypeVar

import pulumi

Strings = pulumi.Input[list[pulumi.Input[str]]]
"""A list of strings as a field of a TypedDict."""
Tags = pulumi.Input[dict[str, pulumi.Input[str]]]
"""Tags or labels as a field of a TypedDict."""

_PULUMI = {"Output": pulumi.Output, "T": Any}
"""Names in the annotation `pulumi.Input[…]`: it is `Union[T, Awaitable[T], "Output[T]"]`."""
_UNIONS = {typing.Union, UnionType}
_QUALIFIERS = {typing.NotRequired, typing.Required}
T = TypeVar("T")


@dataclass(frozen=True)
class SdkOptions:
    """A TypedDict whose fields are passed to a class of another Pulumi package under the same names."""

    class_name: str
    """The class, such as `pulumi_eks.Cluster`."""
    unsupported: Mapping[str, str]
    """Options of the class that the TypedDict omits, and the fix for each."""


_SDK_OPTIONS: dict[type, SdkOptions] = {}


def sdk_options(class_name: str, unsupported: Mapping[str, str] = MappingProxyType({})) -> Callable[[T], T]:
    """Return a class decorator for a TypedDict with the options of `class_name`.

    Messages name that class. An object of an args class of Pulumi is accepted in place of the TypedDict.
    """

    def register(typed_dict: T) -> T:
        _SDK_OPTIONS[typing.cast("type", typed_dict)] = SdkOptions(class_name, unsupported)
        return typed_dict

    return register


def sdk_options_of(typed_dict: type) -> SdkOptions | None:
    """Return what `sdk_options` registered for a TypedDict; None for the library's own args."""
    return _SDK_OPTIONS.get(typed_dict)


@dataclass(frozen=True)
class Field:
    """A field of a TypedDict, declared in the TypedDict itself or in a base."""

    typed_dict: type
    name: str
    annotation: Any
    """The type of the values, without `NotRequired` and `Required`."""
    is_required: bool

    @property
    def description(self) -> str | None:
        """The string literal below the field, without indentation. None if there is none."""
        return descriptions(self.typed_dict).get(self.name)

    @property
    def is_input(self) -> bool:
        """Whether the annotation is a `pulumi.Input`: the value may be an Output."""
        return accepts_outputs(self.annotation)

    @property
    def nested(self) -> tuple[type, ...]:
        """TypedDicts in the annotation: the value's, or those of a list's items and a dict's values."""
        return tuple(dict.fromkeys(_nested(self.annotation)))


@cache
def fields(typed_dict: type) -> Mapping[str, Field]:
    """Return the fields of a TypedDict by name: those of its bases first, in the order of the source.

    Raises NameError if an annotation names something that is not imported when the program runs.
    """
    required: frozenset[str] = typing.cast("Any", typed_dict).__required_keys__
    hints = typing.get_type_hints(typed_dict, localns=_PULUMI, include_extras=True)
    return MappingProxyType(
        {
            name: Field(typed_dict, name, canonical(without_qualifiers(annotation)), name in required)
            for name, annotation in hints.items()
        }
    )


@cache
def descriptions(typed_dict: type) -> Mapping[str, str]:
    """Return the string literals below the fields of a TypedDict and of its bases, by field name."""
    return MappingProxyType(dict(_descriptions(typed_dict)))


def is_union(annotation: Any) -> bool:
    """Return whether `annotation` is a union, such as `pulumi.Input[T]`."""
    return typing.get_origin(annotation) in _UNIONS


def plain_types(annotation: Any) -> tuple[Any, ...]:
    """Return the types of an annotation's plain values: `T` for `pulumi.Input[T]`, for `T | Role` (a Pulumi resource)
    and for an enum `T | Literal[…]`; both types of `pulumi.Input[S | T]`.
    """
    if not is_union(annotation):
        return (annotation,)
    members = typing.get_args(annotation)
    return tuple(
        member for member in members if not (_is_output(member) or _is_resource(member) or _is_literal(member))
    )


def accepts_outputs(annotation: Any) -> bool:
    """Return whether a value may be an Output: the annotation has a `pulumi.Input`."""
    return is_union(annotation) and any(map(_is_output, typing.get_args(annotation)))


def accepts_resources(annotation: Any) -> bool:
    """Return whether a value may be a Pulumi resource, in place of its ARN or id."""
    return is_union(annotation) and any(map(_is_resource, typing.get_args(annotation)))


def _is_output(member: Any) -> bool:
    # Before `typing.get_type_hints` an Output is the forward reference "Output[T]".
    if isinstance(member, typing.ForwardRef):
        return member.__forward_arg__ == "Output[T]"
    return typing.get_origin(member) in {pulumi.Output, Awaitable} or member is pulumi.Output


def _is_resource(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, pulumi.Resource)


def _is_literal(member: Any) -> bool:
    return typing.get_origin(member) is typing.Literal


def without_qualifiers(annotation: Any) -> Any:
    """Return `T` for `NotRequired[T]` and `Required[T]`, and any other annotation unchanged."""
    while typing.get_origin(annotation) in _QUALIFIERS:
        (annotation,) = typing.get_args(annotation)
    return annotation


def canonical(annotation: Any) -> Any:
    """Return the enum of `Choice | Literal[…]`, and the TypedDict of a union with a class that only Python has."""
    members = typing.get_args(annotation) if typing.get_origin(annotation) in _UNIONS else ()
    if not members or type(None) in members or any(map(_is_output, members)):
        return annotation
    is_choice = isinstance(members[0], type) and issubclass(members[0], enum.Enum)
    return members[0] if is_choice or typing.is_typeddict(members[0]) else annotation


def _nested(annotation: Any) -> Iterator[type]:
    if typing.is_typeddict(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _nested(argument)


def _descriptions(typed_dict: type) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(typed_dict))).body
    assert isinstance(definition, ast.ClassDef)
    for base in _bases(typed_dict, definition):
        yield from descriptions(base).items()
    for statement, literal in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(literal, ast.Expr)
            and isinstance(literal.value, ast.Constant)
            and isinstance(literal.value.value, str)
        ):
            yield statement.target.id, inspect.cleandoc(literal.value.value)


def _bases(typed_dict: type, definition: ast.ClassDef) -> Iterator[type]:
    """The TypedDicts that a TypedDict inherits from. Before Python 3.12 only the source has them."""
    module = inspect.getmodule(typed_dict)
    for expression in definition.bases:
        try:
            base = attrgetter(ast.unparse(expression))(module)
        except AttributeError:
            continue
        if typing.is_typeddict(base):
            yield base
