"""The package schema: the output of `pulumi package get-schema`, and the source of every generated SDK.

It is read from the classes by Pulumi's own analyzer of types. Descriptions are the docstrings of the Python classes,
inherited fields included, with names in camel case.

`python -m eks_identity.plugin.schema FILE` writes it. `components/schema.json` is the committed copy.
"""

import inspect
import json
import re
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition
from pulumi.provider.experimental.schema import ComplexType, Property, remove_none
from pulumi.provider.experimental.util import camel_case

import eks_identity
from eks_identity.plugin.components import outputs_of
from eks_identity.plugin.exports import args_of, exported_resources
from eks_identity.plugin.names import Names
from eks_identity.plugin.wire import is_record_of_inputs
from eks_identity.runtime.custom_resource import PACKAGE
from eks_identity.runtime.typed_dicts import accepts_outputs, canonical, descriptions, fields, is_union, plain_types

Json = dict[str, Any]

_LANGUAGES = ("csharp", "go", "java", "nodejs", "python")
_PROFILE = (
    "The AWS profile for the library's own requests to AWS if no aws provider is passed. It takes precedence over "
    "`aws:profile`. By default credentials come from the environment."
)


@cache
def schema() -> str:
    """Return the schema as JSON."""
    about = metadata(PACKAGE)
    reader = PluginAnalyzer(PACKAGE)
    resources = {name: _component(reader, value) for name, value in exported_resources().items()}
    types = {name: _type(definition) for name, definition in reader.type_definitions.items()}
    profile = {"profile": {"type": "string", "description": _PROFILE}}
    package = {
        "name": PACKAGE,
        "displayName": "EKS Identity",
        "version": about["Version"],
        "description": about["Summary"],
        "keywords": ["pulumi", "aws", "eks", "kubernetes", "category/cloud"],
        "license": about["License-Expression"],
        "language": {language: {"respectSchemaVersion": True} for language in _LANGUAGES},
        "config": {"variables": profile},
        "provider": {"type": "object", "inputProperties": profile},
        "resources": {f"{PACKAGE}:index:{name}": definition for name, definition in sorted(resources.items())},
        "types": {f"{PACKAGE}:index:{name}": definition for name, definition in sorted(types.items())},
    }
    text = json.dumps(_public(package), indent=2, ensure_ascii=False)
    return json.dumps(_described(json.loads(text), Names.of(text)), indent=2, ensure_ascii=False) + "\n"


@dataclass
class _OneOf(PropertyDefinition):
    """A property with several types."""

    one_of: list[PropertyDefinition] = field(default_factory=list)


class PluginAnalyzer(Analyzer):
    """Pulumi's analyzer, with the descriptions of inherited fields and of properties."""

    def analyze_property(self, arg: Any, typ: type, name: str, **options: Any) -> PropertyDefinition:
        """Return the definition of a property. Unions are those of `runtime.typed_dicts`.

        Resources are omitted: other languages pass the ARN or the id. A choice of strings is its enum.
        """
        arg = canonical(arg)
        if not is_union(arg) or type(None) in typing.get_args(arg):
            return super().analyze_property(arg, typ, name, **options)
        options["can_be_plain"] = options["can_be_plain"] and not accepts_outputs(arg)
        definitions = [self.analyze_property(type_, typ, name, **options) for type_ in plain_types(arg)]
        if len(definitions) == 1:
            return definitions[0]
        first = definitions[0]
        return _OneOf(first.optional, description=first.description, plain=first.plain, one_of=definitions)

    def get_docstring(self, typ: type, name: str) -> str | None:
        """Return the string literal below a field or output, wherever it is declared, or a property's docstring."""
        if typing.is_typeddict(typ):
            return descriptions(typ).get(name)
        if issubclass(typ, Enum):
            return super().get_docstring(typ, name)
        texts = (super(PluginAnalyzer, self).get_docstring(base, name) for base in _library_classes(typ))
        return next((text for text in texts if text), inspect.getdoc(getattr(typ, name, None)))


def _library_classes(typ: type) -> Iterator[type]:
    """The classes of this library that `typ` inherits from, itself first."""
    return (base for base in typ.__mro__ if base.__module__.startswith(f"{eks_identity.__name__}."))


def _component(reader: PluginAnalyzer, resource_class: type[pulumi.Resource]) -> Json:
    args = args_of(resource_class)
    inputs, _ = reader.analyze_type(args, is_component_output=False)
    outputs = {
        camel_case(name): reader.analyze_property(
            kind, resource_class, name, can_be_plain=False, is_component_output=True
        )
        for name, kind in outputs_of(resource_class)
    }
    # Containers determine the resources, so they are plain. A record of Inputs does not determine any.
    records = {camel_case(name) for name, field in fields(args).items() if is_record_of_inputs(field.annotation)}
    secrets = {camel_case(name) for name in getattr(resource_class, "secrets", ())}
    return {
        "isComponent": True,
        "description": resource_class.__doc__,
        "type": "object",
        "inputProperties": {
            name: _property(definition, may_be_output=name in records, secret=name in secrets)
            for name, definition in inputs.items()
        },
        "requiredInputs": sorted(name for name, definition in inputs.items() if not definition.optional) or None,
        "properties": {name: _property(output, secret=name in secrets) for name, output in outputs.items()},
        "required": sorted(outputs),
    }


def _property(definition: PropertyDefinition, *, may_be_output: bool = False, secret: bool = False) -> Json:
    one_of = [_property(type_) for type_ in definition.one_of] if isinstance(definition, _OneOf) else []
    return _bare(Property.from_definition(definition).to_json(), may_be_output=may_be_output) | {
        "oneOf": [{**type_, "description": None} for type_ in one_of] or None,
        "description": definition.description,
        "secret": True if secret else None,
    }


def _bare(written: Json, *, may_be_output: bool) -> Json:
    """Remove the description, which the analyzer repeats for items, and `plain` if the value may be an Output."""
    inner = {
        key: _bare(written[key], may_be_output=may_be_output)
        for key in ("items", "additionalProperties")
        if written.get(key)
    }
    return written | inner | {"description": None} | ({"plain": None} if may_be_output else {})


def _type(definition: Any) -> Json:
    properties = {name: _property(property_) for name, property_ in definition.properties.items()}
    return {**ComplexType.from_definition(definition).to_json(), "properties": properties or None}


def _public(document: Any) -> Any:
    """Remove empty entries, and `Args` from the names of types, because the SDKs append it."""
    if isinstance(document, dict):
        return {
            re.sub(r"^(eks-identity:index:\w+)Args$", r"\1", key): _public(value)
            for key, value in remove_none(document).items()
        }
    if isinstance(document, list):
        return [_public(value) for value in document]
    if isinstance(document, str):
        return re.sub(r"^(#/types/eks-identity:index:\w+)Args$", r"\1", document)
    return document


def _described(document: Any, names: Names) -> Any:
    """Convert the descriptions for other languages: no indentation, names in camel case."""
    if isinstance(document, dict):
        return {
            key: names.in_camel_case(inspect.cleandoc(value))
            if key == "description" and isinstance(value, str)
            else _described(value, names)
            for key, value in document.items()
        }
    return [_described(value, names) for value in document] if isinstance(document, list) else document


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema(), encoding="utf-8")
