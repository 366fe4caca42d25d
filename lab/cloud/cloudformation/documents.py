"""Parsing of a template's text: JSON, or YAML with the short forms of the intrinsic functions (`!GetAtt Role.Arn`).

YAML is read without dates, so that the version of a policy is text, and without aliases, which CloudFormation rejects.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lab.cloud.cloudformation.errors import ValidationError

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MAX_DEPTH = 100
_DYNAMIC_REFERENCE = "{{resolve:"
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TEXT = "tag:yaml.org,2002:str"
_WITHOUT_PREFIX = frozenset({"Ref", "Condition"})


class _Loader(yaml.SafeLoader):
    """PyYAML's loader of plain data, with the short forms."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it as an instance variable
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValidationError("Template error: YAML aliases are not allowed in CloudFormation templates")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                key.tag = _TEXT  # such as the account id of a mapping
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        duplicates = [key for index, key in enumerate(keys) if key in keys[:index]]
        if duplicates:
            raise ConstructorError(None, None, f"duplicate key {duplicates[0]}", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _construct_function(loader: Any, suffix: str, node: Node) -> dict[str, Any]:
    """Return the long form of a short form."""
    name = suffix if suffix in _WITHOUT_PREFIX else f"Fn::{suffix}"
    if isinstance(node, ScalarNode):
        argument: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            argument = argument.split(".", 1)
    elif isinstance(node, SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    else:
        argument = loader.construct_mapping(node, deep=True)
    return {name: argument}


_Loader.add_multi_constructor("!", _construct_function)


def parse_document(text: str) -> dict[str, Any]:
    """Return the top-level mapping of a template.

    Raises:
        ValidationError: the text is neither JSON nor YAML, or has no mapping.
    """
    is_json = text.lstrip().startswith("{")
    try:
        document = json.loads(text) if is_json else yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except json.JSONDecodeError as error:
        position = f"(line {error.lineno}, column {error.colno})"
        raise ValidationError(f"Template format error: JSON not well-formed. {position}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        position = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValidationError(f"Template format error: YAML not well-formed.{position}") from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise ValidationError(f"Template format error: the template cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ValidationError("Template format error: unsupported structure.")
    _check_values(document)
    return document


def _check_values(value: Any, depth: int = 0) -> None:
    """Reject endless nesting, dynamic references, and control characters, which no response can have."""
    if depth > _MAX_DEPTH:
        raise ValidationError(f"Template format error: the template is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, str) and _CONTROL_CHARACTER.search(value):
        raise ValidationError("Template format error: the template has a control character")
    if isinstance(value, str) and _DYNAMIC_REFERENCE in value:
        raise ValidationError(f"The lab does not implement dynamic references in templates: {value}")
    items = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _check_values(item, depth + 1)
