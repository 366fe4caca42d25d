"""Messages for programs of other languages: paths of inputs, and keys of values, in camel case.

| part of a validation error | in camel case                                                          |
|----------------------------|------------------------------------------------------------------------|
| the component and its name | unchanged                                                              |
| the input                  | fields; not keys of a dict, which are the user's: `tags.role_name`     |
| the value                  | the keys that `from_wire` converted; no text, which is the user's      |
| rule and fix               | each name of an input or output, unless it is in the text of the value |

Rules and fixes have no code of Python: see `wording.py`.
"""

import re
import typing
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.util import camel_case

from eks_identity.errors import EksIdentityError, InvalidInput, Problem
from eks_identity.plugin.exports import args_of, exported_resources
from eks_identity.plugin.names import Names
from eks_identity.plugin.wording import neutral
from eks_identity.runtime.typed_dicts import fields, plain_types

_INDEX = re.compile(r"\[\d+\]")
_KEY = re.compile(r"\.?([^.\[]+)")


class Messages:
    """Messages with the names of a package schema in camel case."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def translate(self, message: str | EksIdentityError) -> str:
        """Return a text, or the message of an error, with names in camel case."""
        if not isinstance(message, InvalidInput):
            return self._names.in_camel_case(str(message))
        resource_class = exported_resources().get(message.subject.partition(" ")[0])
        args = args_of(resource_class) if resource_class else Any
        problems = [self._translated(problem, args) for problem in message.problems]
        return str(InvalidInput(problems, subject=message.subject))

    def _translated(self, problem: Problem, args: Any) -> Problem:
        path, type_ = _located(problem.input, args)
        text = problem.value if isinstance(problem.value, str) else ""
        return Problem(
            path if path != problem.input else self._names.in_camel_case(path, unless_in=text),
            self._names.in_camel_case(neutral(problem.rule), unless_in=text),
            _value(problem.value, type_),
            self._names.in_camel_case(neutral(problem.fix), unless_in=text),
        )


def _located(path: str, type_: Any) -> tuple[str, Any]:
    """Return the path of an input below a value of `type_`, in camel case, and the input's own type.

    What the type does not have is unchanged, and its type is Any.
    """
    if not path:
        return "", type_
    for member in plain_types(type_):
        arguments = typing.get_args(member)
        index, key = _INDEX.match(path), _KEY.match(path)
        if typing.get_origin(member) is list and index:
            return _below(index[0], path, arguments[0])
        if typing.is_typeddict(member) and key and key[1] in fields(member):
            return _below(key[0], path, fields(member)[key[1]].annotation)
        if typing.get_origin(member) is dict and key:
            # A key can have dots. Only a dict of records has inputs below its keys, and their keys are plain names.
            is_leaf = not any(map(typing.is_typeddict, plain_types(arguments[1])))
            return (path, arguments[1]) if is_leaf else _below(key[0], path, arguments[1], is_field=False)
    return path, Any


def _below(step: str, path: str, type_: Any, *, is_field: bool = True) -> tuple[str, Any]:
    rest, own = _located(path[len(step) :], type_)
    return (camel_case(step) if is_field else step) + rest, own


def _value(value: Any, type_: Any) -> Any:
    """Return `value`, which `from_wire` converted to `type_`, with the keys that it had."""
    for member in plain_types(type_):
        if isinstance(value, Mapping) and typing.is_typeddict(member):
            by_name = fields(member)
            return {
                camel_case(key) if key in by_name else key: _value(
                    item, by_name[key].annotation if key in by_name else Any
                )
                for key, item in value.items()
            }
        if isinstance(value, Mapping) and typing.get_origin(member) is dict:
            return {key: _value(item, typing.get_args(member)[1]) for key, item in value.items()}
        if isinstance(value, list) and typing.get_origin(member) is list:
            return [_value(item, typing.get_args(member)[0]) for item in value]
    return value
