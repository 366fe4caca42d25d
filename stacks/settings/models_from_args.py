"""Settings that are the arguments of something else, under the same names, of the same types, with the same words.

A component's args and the options of pulumi_eks are not written a second time: their fields are read off the classes
that declare them, less what a file cannot say (a Pulumi resource) or does not have to (`without`). So a field that a
component gains is a setting, with its description in the schema, and no name of theirs is translated.
"""

from __future__ import annotations

import ast
import enum
import functools
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Literal, TypeVar

import pulumi
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Model(BaseModel):
    """A part of the settings: no key but its own, no value of another type."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, protected_namespaces=()
    )

    made_of: ClassVar[type | None] = None
    """The class of Pulumi arguments that says the same; None for a TypedDict, and for models of our own."""

    def said(self, *less: str) -> dict[str, Any]:
        """What was written, and nothing else, without the fields `less`, as a component takes it."""
        said = {name: getattr(self, name) for name in self.__class__.model_fields if name in self.model_fields_set}
        return {name: _handed_on(value) for name, value in said.items() if name not in less and value is not None}


def _handed_on(value: Any) -> Any:
    if isinstance(value, Model):
        return value.made_of(**value.said()) if value.made_of else value.said()
    if isinstance(value, list):
        return [_handed_on(item) for item in value]
    return {key: _handed_on(item) for key, item in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True)
class Deferred:
    """Stands for a model whose module takes long to import, as `Annotated[Any, Deferred(…)]`.

    The module is imported when a file has the setting, and for the schema.
    """

    module: str
    name: str

    def model(self) -> type[Model]:
        """Import the module, and return the model."""
        return typing.cast("type[Model]", getattr(import_module(self.module), self.name))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the model; pydantic puts the keys of this setting in front of the model's errors."""
        return core_schema.no_info_plain_validator_function(lambda value: self.model().model_validate(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a reference to the schema of the model, as any other setting has it."""
        return handler(core_schema.definitions_schema(self.model().__pydantic_core_schema__, []))


M = TypeVar("M", bound=Model)


def takes(shape: type, *, without: Collection[str] = ()) -> Callable[[type[M]], type[M]]:
    """Adds the fields of `shape` to a model: of a TypedDict, or of a class of Pulumi arguments.

    What the model declares itself stays as it is.
    """

    def extend(own: type[M]) -> type[M]:
        left_out = {*without, *own.model_fields}
        added: dict[str, Any] = {name: field for name, field in _fields(shape).items() if name not in left_out}
        return typing.cast(
            "type[M]",
            create_model(
                own.__name__,
                __base__=own,
                __module__=own.__module__,
                __doc__=own.__doc__,
                __cls_kwargs__=_DESCRIBED,
                **added,
            ),
        )

    return extend


@functools.cache
def model_of(shape: type) -> type[Model]:
    """The model that says what `shape` says."""
    doc = inspect.cleandoc(shape.__doc__ or "") if typing.is_typeddict(shape) else _first_words(shape)
    fields: dict[str, Any] = _fields(shape)
    name = shape.__name__.removesuffix("Args")
    model = create_model(name, __base__=Model, __doc__=doc, __cls_kwargs__=_DESCRIBED, **fields)
    model.made_of = None if typing.is_typeddict(shape) else shape
    return model


_DESCRIBED = {"use_attribute_docstrings": False}
"""These models have no source in which pydantic could look for descriptions, and would look long."""


def _fields(shape: type) -> dict[str, tuple[Any, Any]]:
    """Name, type and description of each field that a file can say."""
    described = dict(_descriptions(shape))
    needed = _needed(shape)
    fields = {}
    for name, hint in _hints(shape):
        if (kind := _sayable(hint)) is not None:
            fields[name] = (kind, Field(... if name in needed else None, description=described.get(name)))
    return fields


def _hints(shape: type) -> Iterator[tuple[str, Any]]:
    if typing.is_typeddict(shape):
        yield from typing.get_type_hints(shape, localns=_PULUMI, include_extras=True).items()
        return
    hints = typing.get_type_hints(shape.__init__, localns=_PULUMI)  # type: ignore[misc]
    yield from ((name, hint) for name, hint in hints.items() if name != "return")


def _needed(shape: type) -> frozenset[str]:
    if typing.is_typeddict(shape):
        return typing.cast("Any", shape).__required_keys__  # type: ignore[no-any-return]
    parameters = inspect.signature(shape).parameters.values()
    return frozenset(parameter.name for parameter in parameters if parameter.default is parameter.empty)


_PULUMI = {"Output": pulumi.Output, "T": Any}
"""The generated SDKs name these in annotations without importing them."""

_SCALARS = {str, bool, int, float}


def _sayable(hint: Any) -> Any | None:
    """The type of the plain values of `hint`; None where it has none, as a resource has."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.NotRequired:
        return _sayable(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        kinds = [kind for kind in map(_sayable, arguments) if kind is not None]
        return functools.reduce(lambda left, right: left | right, kinds) if kinds else None
    if origin in {list, Sequence}:
        item = _sayable(arguments[0])
        return None if item is None else list[item]  # type: ignore[valid-type]
    if origin in {dict, Mapping}:
        item = _sayable(arguments[1])
        return None if item is None else dict[str, item]  # type: ignore[valid-type]
    if hint in _SCALARS or hint is Any:
        return hint
    return _sayable_class(hint) if inspect.isclass(hint) else None


def _sayable_class(hint: type) -> Any | None:
    if issubclass(hint, enum.Enum):
        return Literal[tuple(member.value for member in hint)]
    if typing.is_typeddict(hint) or pulumi._types.is_input_type(hint):  # noqa: SLF001 - Pulumi has no public name
        return model_of(typing.cast("Any", hint))
    return None


def _descriptions(shape: type) -> Iterator[tuple[str, str]]:
    """What stands below each field of a TypedDict, or in the `:param` lines of Pulumi's classes."""
    if not typing.is_typeddict(shape):
        lines = inspect.cleandoc(shape.__init__.__doc__ or "")  # type: ignore[misc]
        for name, text in re.findall(r"^:param .*? (\w+): (.*?)(?=^:param |\Z)", lines, re.MULTILINE | re.DOTALL):
            yield name, inspect.cleandoc(text)
        return
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    assert isinstance(declared, ast.ClassDef)
    # Before Python 3.12 a TypedDict does not know its bases; its source does.
    for base in (getattr(inspect.getmodule(shape), ast.unparse(name), None) for name in declared.bases):
        if base is not None and typing.is_typeddict(base):
            yield from _descriptions(base)
    for field, below in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            yield field.target.id, inspect.cleandoc(str(below.value.value))


def _first_words(shape: type) -> str:
    return f"Options of pulumi's {shape.__name__.removesuffix('Args')}."
