"""Pydantic models generated from the args of components.

The fields keep the names, types and descriptions of the args. Fields that a file cannot hold (a Pulumi resource) and
those in `exclude` are omitted. A new field of a component is therefore a setting at once, described in the schema.
"""

from __future__ import annotations

import enum
import functools
import inspect
import typing
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from eks_identity.runtime import typed_dicts


class Model(BaseModel):
    """Base of all settings models: unknown keys and values of another type are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, protected_namespaces=()
    )

    def to_args(self, *exclude: str) -> dict[str, Any]:
        """Return the settings that the file sets, without the fields in `exclude`, as arguments of a component."""
        values = {name: getattr(self, name) for name in self.__class__.model_fields if name in self.model_fields_set}
        return {
            name: _to_argument(value) for name, value in values.items() if name not in exclude and value is not None
        }


def _to_argument(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_args()
    if isinstance(value, list):
        return [_to_argument(item) for item in value]
    return {key: _to_argument(item) for key, item in value.items()} if isinstance(value, dict) else value


M = TypeVar("M", bound=Model)


def fields_from(args_type: type, *, exclude: Collection[str] = ()) -> Callable[[type[M]], type[M]]:
    """Return a class decorator that adds the fields of `args_type`, a TypedDict.

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
    doc = inspect.cleandoc(args_type.__doc__ or "")
    fields: dict[str, Any] = _fields(args_type)
    return create_model(
        args_type.__name__.removesuffix("Args"), __base__=Model, __doc__=doc, __cls_kwargs__=_NO_SOURCE, **fields
    )


_NO_SOURCE = {"use_attribute_docstrings": False}
"""Generated models have no source: pydantic would search for it in vain, which takes time."""


def _fields(args_type: type) -> dict[str, tuple[Any, Any]]:
    """Return type, default and description of each field that a file can hold, by name."""
    return {
        name: (plain_type, Field(... if field.is_required else None, description=field.description))
        for name, field in typed_dicts.fields(args_type).items()
        if (plain_type := _plain_type(field.annotation)) is not None
    }


_SCALARS = (str, bool, int, float, Any)


def _plain_type(annotation: Any) -> Any | None:
    """Return the type of the plain values that `annotation` allows; None if it allows none, for example a resource."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if typed_dicts.is_union(annotation):
        members = [member for member in map(_plain_type, typed_dicts.plain_types(annotation)) if member is not None]
        return functools.reduce(lambda left, right: left | right, members) if members else None
    if origin is list:
        item = _plain_type(arguments[0])
        return None if item is None else list[item]  # type: ignore[valid-type]
    if origin is dict:
        item = _plain_type(arguments[1])
        return None if item is None else dict[str, item]  # type: ignore[valid-type]
    if annotation in _SCALARS:
        return annotation
    return _plain_type_of_class(annotation) if inspect.isclass(annotation) else None


def _plain_type_of_class(class_: Any) -> Any | None:
    if issubclass(class_, enum.Enum):
        return Literal[tuple(member.value for member in class_)]
    return model_from_args(class_) if typing.is_typeddict(class_) else None
