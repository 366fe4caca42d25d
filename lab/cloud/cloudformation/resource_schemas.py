"""The schemas of CloudFormation's resource types: their properties, and those that are read-only or need a replacement.

Source: the package `cfn-lint`, which has the schemas of the CloudFormation registry. Only its data is read, because
importing it takes seconds. https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]

from lab.cloud.input_validation import matches_pattern

_DEFAULT_REGION = "us-east-1"
_EXTRANEOUS = re.compile(r"'([^']+)'")


def type_exists(type_name: str, region: str) -> bool:
    """Return whether CloudFormation has the resource type in the region."""
    return type_name in _providers(region)


class ResourceSchema:
    """The schema of one resource type."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validator = _Validator(document)
        self.type_name: str = document["typeName"]
        self.create_only = _names(document, "createOnlyProperties")
        self.read_only = _names(document, "readOnlyProperties")
        self.identifier = _names(document, "primaryIdentifier")
        tagging = document.get("tagging") or {}
        self.is_taggable = bool(tagging.get("taggable") and "Tags" in document["properties"])

    def convert(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Return the properties with numbers and booleans of the schema's types. Templates may have them as text."""
        converted: dict[str, Any] = self._convert(properties, self._document)
        return converted

    def find_problem(self, logical_id: str, properties: Mapping[str, Any]) -> str | None:
        """Return CloudFormation's message for invalid properties, or None."""
        problems = [text for error in self._validator.iter_errors(properties) for text in _describe(error)]
        problems += [f"#: extraneous key [{name}] is not permitted" for name in properties if name in self.read_only]
        if not problems:
            return None
        return f"Properties validation failed for resource {logical_id} with message:\n[{', '.join(sorted(problems))}]"

    def _convert(self, value: Any, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            schema = self._document["definitions"][schema["$ref"].rpartition("/")[2]]
        if isinstance(value, Mapping):
            members = schema.get("properties", {})
            return {name: self._convert(item, members.get(name, {})) for name, item in value.items()}
        if isinstance(value, list):
            return [self._convert(item, schema.get("items", {})) for item in value]
        return _convert_scalar(value, schema.get("type"))


@cache
def load_schema(type_name: str) -> ResourceSchema:
    """Return the schema of a resource type that exists."""
    name = _providers(_DEFAULT_REGION)[type_name]
    return ResourceSchema(json.loads((_folder() / "resources" / f"{name}.json").read_text()))


def _convert_scalar(value: Any, kind: Any) -> Any:
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    return str(value) if kind == "string" and isinstance(value, int | float) else value


def _describe(error: ValidationError) -> Iterator[str]:
    path = "".join(f"/{part}" for part in error.absolute_path)
    if error.validator == "additionalProperties":
        for name in _EXTRANEOUS.findall(error.message):
            yield f"#{path}: extraneous key [{name}] is not permitted"
    elif error.validator == "required":
        yield f"#{path}: required key [{_EXTRANEOUS.findall(error.message)[0]}] not found"
    elif error.validator == "type":
        yield f"#{path}: expected type: {error.validator_value}, found: {type(error.instance).__name__}"
    else:
        yield f"#{path}: {error.message}"


def _check_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check a pattern as Java does. Python's `re` has no classes of Unicode."""
    if not isinstance(value, str):
        return
    has_unicode_class = r"\p{" in pattern
    is_match = matches_pattern(pattern.strip("^$"), value) if has_unicode_class else re.search(pattern, value)
    if not is_match:
        yield ValidationError(f"string [{value}] does not match pattern {pattern}")


_Validator = extend(Draft7Validator, {"pattern": _check_pattern})


def _names(document: Mapping[str, Any], member: str) -> frozenset[str]:
    """Return the names of the top-level properties in a list of JSON pointers."""
    return frozenset(str(pointer).split("/")[2] for pointer in document.get(member) or ())


@cache
def _folder() -> Path:
    spec = find_spec("cfnlint")
    assert spec is not None, "cfn-lint is a requirement of the lab"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "data" / "schemas"


@cache
def _providers(region: str) -> Mapping[str, str]:
    """Return the resource types of a region, and the names of their schemas."""
    file = _folder() / "providers" / f"{region}.json"
    types: dict[str, str] = json.loads((file if file.exists() else file.with_stem(_DEFAULT_REGION)).read_text())
    return types
