"""Pydantic models generated from the args of components and the options of pulumi_eks.

The fields keep the names, types and descriptions of the args. Fields that a file cannot hold (a Pulumi resource) and
those in `exclude` are omitted. A new field of a component is therefore a setting at once, described in the schema.
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
    """Base of all settings models: unknown keys and values of another type are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, protected_namespaces=()
    )

    args_class: ClassVar[type | None] = None
    """The class of Pulumi arguments that the model was generated from; None for a TypedDict and for other models."""

    def to_args(self, *exclude: str) -> dict[str, Any]:
        """Return the settings that the file sets, without the fields in `exclude`, as arguments of a component."""
        values = {name: getattr(self, name) for name in self.__class__.model_fields if name in self.model_fields_set}
        return {
            name: _to_argument(value) for name, value in values.items() if name not in exclude and value is not None
        }


def _to_argument(value: Any) -> Any:
    if isinstance(value, Model):
        return value.args_class(**value.to_args()) if value.args_class else value.to_args()
    if isinstance(value, list):
        return [_to_argument(item) for item in value]
    return {key: _to_argument(item) for key, item in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True)
class Deferred:
    """A reference to a model whose module is slow to import, used as `Annotated[Any, Deferred(…)]`.

    The module is imported when a file has the setting, and when the schema is generated.
    """

    module: str
    name: str

    def model(self) -> type[Model]:
        """Import the module and return the model."""
        return typing.cast("type[Model]", getattr(import_module(self.module), self.name))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with the model; pydantic prefixes the model's errors with the keys of this setting."""
        return core_schema.no_info_plain_validator_function(lambda value: self.model().model_validate(value))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a reference to the schema of the model, as for any other setting."""
        return handler(core_schema.definitions_schema(self.model().__pydantic_core_schema__, []))


M = TypeVar("M", bound=Model)


def fields_from(args_type: type, *, exclude: Collection[str] = ()) -> Callable[[type[M]], type[M]]:
    """Return a class decorator that adds the fields of `args_type`, a TypedDict or a class of Pulumi arguments.

    Fields that the model declares itself take precedence.
    """

    def extend(base: type[M]) -> type[M]:
        skip = {*exclude, *base.model_fields}
        added: dict[str, Any] = {name: field for name, field in _fields(args_type).items() if name not in skip}
        return typing.cast(
            "type[M]",
            create_model(
                base.__name__,
                __base__=base,
                __module__=base.__module__,
                __doc__=base.__doc__,
                __cls_kwargs__=_NO_SOURCE,
                **added,
            ),
        )

    return extend


@functools.cache
def model_from_args(args_type: type) -> type[Model]:
    """Return a model with the fields of `args_type`."""
    is_typed_dict = typing.is_typeddict(args_type)
    doc = inspect.cleandoc(args_type.__doc__ or "") if is_typed_dict else _default_description(args_type)
    fields: dict[str, Any] = _fields(args_type)
    name = args_type.__name__.removesuffix("Args")
    model = create_model(name, __base__=Model, __doc__=doc, __cls_kwargs__=_NO_SOURCE, **fields)
    model.args_class = None if is_typed_dict else args_type
    return model


_NO_SOURCE = {"use_attribute_docstrings": False}
"""Generated models have no source: pydantic would search for it in vain, which takes time."""


def _fields(args_type: type) -> dict[str, tuple[Any, Any]]:
    """Return type, default and description of each field that a file can hold, by name."""
    descriptions = dict(_descriptions(args_type))
    required = _required_fields(args_type)
    fields = {}
    for name, hint in _hints(args_type):
        if (plain_type := _plain_type(hint)) is not None:
            fields[name] = (plain_type, Field(... if name in required else None, description=descriptions.get(name)))
    return fields


def _hints(args_type: type) -> Iterator[tuple[str, Any]]:
    if typing.is_typeddict(args_type):
        yield from typing.get_type_hints(args_type, localns=_PULUMI, include_extras=True).items()
        return
    hints = typing.get_type_hints(args_type.__init__, localns=_PULUMI)  # type: ignore[misc]
    yield from ((name, hint) for name, hint in hints.items() if name != "return")


def _required_fields(args_type: type) -> frozenset[str]:
    if typing.is_typeddict(args_type):
        return typing.cast("Any", args_type).__required_keys__  # type: ignore[no-any-return]
    parameters = inspect.signature(args_type).parameters.values()
    return frozenset(parameter.name for parameter in parameters if parameter.default is parameter.empty)


_PULUMI = {"Output": pulumi.Output, "T": Any}
"""Names that the annotations of the generated SDKs use without importing them."""

_SCALARS = {str, bool, int, float}


def _plain_type(hint: Any) -> Any | None:
    """Return the type of the plain values that `hint` allows; None if it allows none, for example a resource."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.NotRequired:
        return _plain_type(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        members = [member for member in map(_plain_type, arguments) if member is not None]
        return functools.reduce(lambda left, right: left | right, members) if members else None
    if origin in {list, Sequence}:
        item = _plain_type(arguments[0])
        return None if item is None else list[item]  # type: ignore[valid-type]
    if origin in {dict, Mapping}:
        item = _plain_type(arguments[1])
        return None if item is None else dict[str, item]  # type: ignore[valid-type]
    if hint in _SCALARS or hint is Any:
        return hint
    return _plain_type_of_class(hint) if inspect.isclass(hint) else None


def _plain_type_of_class(hint: type) -> Any | None:
    if issubclass(hint, enum.Enum):
        return Literal[tuple(member.value for member in hint)]
    if typing.is_typeddict(hint) or pulumi._types.is_input_type(hint):  # noqa: SLF001 - Pulumi has no public name
        return model_from_args(typing.cast("Any", hint))
    return None


def _descriptions(args_type: type) -> Iterator[tuple[str, str]]:
    """Yield the description of each field: the docstring in a TypedDict, the `:param` line in Pulumi's classes."""
    if not typing.is_typeddict(args_type):
        lines = inspect.cleandoc(args_type.__init__.__doc__ or "")  # type: ignore[misc]
        for name, text in re.findall(r"^:param .*? (\w+): (.*?)(?=^:param |\Z)", lines, re.MULTILINE | re.DOTALL):
            yield name, inspect.cleandoc(text)
        return
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(args_type))).body
    assert isinstance(definition, ast.ClassDef)
    # Before Python 3.12 a TypedDict has no __orig_bases__; the names of its bases are in the source.
    for base in (getattr(inspect.getmodule(args_type), ast.unparse(name), None) for name in definition.bases):
        if base is not None and typing.is_typeddict(base):
            yield from _descriptions(base)
    for field, docstring in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(docstring, ast.Expr)
            and isinstance(docstring.value, ast.Constant)
        ):
            assert isinstance(field.target, ast.Name)
            yield field.target.id, inspect.cleandoc(str(docstring.value.value))


def _default_description(args_type: type) -> str:
    return f"Options of pulumi's {args_type.__name__.removesuffix('Args')}."
