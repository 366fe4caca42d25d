"""The intrinsic functions of templates: their evaluation, and the names that an expression refers to.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.cloud.cloudformation.errors import ValidationError

NO_VALUE = object()
"""The value of `AWS::NoValue`: the property or item that has it is removed."""
SUB_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_SUB_LITERAL = re.compile(r"\$\{!([^}]*)\}")


@dataclass
class Scope:
    """The values of the names in a template's expressions."""

    parameters: Mapping[str, Any]
    """Values of parameters and pseudo parameters."""
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    find_reference: Callable[[str], Any]
    """Returns what `Ref` returns for a resource."""
    find_attribute: Callable[[str, str], Any]
    find_export: Callable[[str], str]
    _evaluated: dict[str, bool] = field(default_factory=dict)
    _evaluating: list[str] = field(default_factory=list)

    def evaluate(self, value: Any) -> Any:
        """Return `value` with all functions evaluated."""
        if isinstance(value, list):
            return [item for each in value if (item := self.evaluate(each)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        function = find_function(value)
        if function is not None:
            name, argument = function
            return _FUNCTIONS[name](self, argument)
        return {key: item for key, each in value.items() if (item := self.evaluate(each)) is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Return the value of a condition.

        Raises:
            ValidationError: the template has no such condition, or it refers to itself.
        """
        if not isinstance(name, str) or name not in self.conditions:
            raise ValidationError(f"Template format error: Unresolved condition dependency {name}")
        if name not in self._evaluated:
            if name in self._evaluating:
                raise ValidationError(f"Template format error: Circular dependency in condition {name}")
            self._evaluating.append(name)
            self._evaluated[name] = self.evaluate_condition(self.conditions[name])
            self._evaluating.pop()
        return self._evaluated[name]

    def evaluate_condition(self, expression: Any) -> bool:
        """Return the value of an expression of the Conditions section."""
        if isinstance(expression, dict) and len(expression) == 1:
            ((name, argument),) = expression.items()
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name == "Fn::Equals" and isinstance(argument, list) and len(argument) == 2:
                first, second = (self.evaluate(item) for item in argument)
                return _text(first) == _text(second)
            if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
                return not self.evaluate_condition(argument[0])
            if name in {"Fn::And", "Fn::Or"} and isinstance(argument, list) and 2 <= len(argument) <= 10:
                values = [self.evaluate_condition(item) for item in argument]
                return all(values) if name == "Fn::And" else any(values)
        raise ValidationError(f"Template format error: Conditions can only have boolean expressions: {expression}")


def find_function(value: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return the name and the argument of the function in a mapping with one key, or None.

    Raises:
        ValidationError: the lab does not implement the function.
    """
    names = [name for name in value if isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))]
    if not names or (len(value) > 1 and names == ["Ref"]):
        return None
    name = names[0]
    if len(value) > 1:
        raise ValidationError(f"Template error: {name} must be the only key of its object")
    if name in _CONDITION_FUNCTIONS:
        raise ValidationError(f"Template error: {name} can only be used in the Conditions section")
    if name not in _FUNCTIONS:
        raise ValidationError(f"The lab does not implement {name} in templates")
    return name, value[name]


def _ref(scope: Scope, argument: Any) -> Any:
    name = read_name(argument, "Ref")
    if name == "AWS::NoValue":
        return NO_VALUE
    return scope.parameters[name] if name in scope.parameters else scope.find_reference(name)


def _get_att(scope: Scope, argument: Any) -> Any:
    resource, attribute = read_attribute(argument)
    return scope.find_attribute(resource, _text(scope.evaluate(attribute)))


def _sub(scope: Scope, argument: Any) -> str:
    text, variables = read_sub_arguments(argument)

    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name in variables:
            return _text(scope.evaluate(variables[name]))
        resource, _, attribute = name.partition(".")
        return _text(scope.find_attribute(resource, attribute) if attribute else _ref(scope, name))

    return _SUB_LITERAL.sub(r"${\1}", SUB_VARIABLE.sub(replace, text))


def _join(scope: Scope, argument: Any) -> str:
    separator, items = read_arguments(argument, "Fn::Join", 2)
    return str(separator).join(_text(item) for item in _list(scope, items, "Fn::Join"))


def _select(scope: Scope, argument: Any) -> Any:
    position, items = read_arguments(argument, "Fn::Select", 2)
    index, values = _text(scope.evaluate(position)), _list(scope, items, "Fn::Select")
    if not index.isdigit() or int(index) >= len(values):
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return values[int(index)]


def _split(scope: Scope, argument: Any) -> list[str]:
    separator, text = read_arguments(argument, "Fn::Split", 2)
    if not isinstance(separator, str) or not separator:
        raise ValidationError("Template error: Fn::Split needs a delimiter that is not empty")
    return _text(scope.evaluate(text)).split(separator)


def _if(scope: Scope, argument: Any) -> Any:
    name, if_true, if_false = read_arguments(argument, "Fn::If", 3)
    return scope.evaluate(if_true if scope.condition(name) else if_false)


def _find_in_map(scope: Scope, argument: Any) -> Any:
    names = [_text(scope.evaluate(item)) for item in read_arguments(argument, "Fn::FindInMap", 3)]
    value: Any = scope.mappings
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            raise ValidationError(f"Template error: Unable to get mapping for {'::'.join(names)}")
        value = value[name]
    return value


def _base64(scope: Scope, argument: Any) -> str:
    return base64.b64encode(_text(scope.evaluate(argument)).encode()).decode()


def _import_value(scope: Scope, argument: Any) -> str:
    return scope.find_export(_text(scope.evaluate(argument)))


_FUNCTIONS: Mapping[str, Callable[[Scope, Any], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::ImportValue": _import_value,
}
_CONDITION_FUNCTIONS = frozenset({"Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"})


def read_arguments(argument: Any, name: str, count: int) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != count:
        raise ValidationError(f"Template error: every {name} object requires a list with {count} parameters")
    return argument


def _list(scope: Scope, items: Any, name: str) -> list[Any]:
    values = scope.evaluate(items)
    if not isinstance(values, list):
        raise ValidationError(f"Template error: every {name} object requires a list of values")
    return values


def read_name(argument: Any, function: str) -> str:
    if not isinstance(argument, str):
        raise ValidationError(f"Template format error: {function} must have a name, and not {argument}")
    return argument


def read_attribute(argument: Any) -> tuple[str, Any]:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
        message = "Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
        raise ValidationError(f"Template error: every {message}")
    if all(isinstance(part, str) for part in parts[1:]):
        return parts[0], ".".join(parts[1:])
    return parts[0], parts[1]


def read_sub_arguments(argument: Any) -> tuple[str, Mapping[str, Any]]:
    text, variables = (argument, {}) if isinstance(argument, str) else read_arguments(argument, "Fn::Sub", 2)
    if not isinstance(text, str) or not isinstance(variables, Mapping):
        raise ValidationError("Template error: every Fn::Sub object requires a string and a map of variables")
    return text, variables


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if not isinstance(value, str | int | float):
        raise ValidationError(f"Template error: a string is required in place of {value}")
    return str(value)
