"""getPolicyDocument: convert a program's statements to the JSON of an IAM policy. Pure.

As in the official function: a list of one item is written as the item, `&{` becomes `${`, statements with a `sid` of an
override document replace those with the same `sid`, and the id is the checksum of the text.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

_LISTS: Final = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}
_PRINCIPALS: Final = {"principals": "Principal", "notPrincipals": "NotPrincipal"}


def policy_document(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs of getPolicyDocument."""
    version = arguments.get("version") or "2012-10-17"
    document: dict[str, Any] = {"Version": version}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    statements = [
        *_of_documents(arguments.get("sourcePolicyDocuments")),
        *(_statement(statement) for statement in arguments.get("statements") or ()),
    ]
    document["Statement"] = _overridden(statements, _of_documents(arguments.get("overridePolicyDocuments")))
    text = json.dumps(document, indent=2)
    return {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": version,
    }


def _statement(options: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": options["sid"]} if options.get("sid") else {}
    statement["Effect"] = options.get("effect") or "Allow"
    for name, member in _LISTS.items():
        if options.get(name):
            statement[member] = _folded(sorted(map(_variables, options[name]), reverse=True))
    for name, member in _PRINCIPALS.items():
        if options.get(name):
            statement[member] = _principals(options[name])
    if options.get("conditions"):
        statement["Condition"] = _conditions(options["conditions"])
    return statement


def _principals(blocks: Iterable[Mapping[str, Any]]) -> Any:
    principals: dict[str, list[str]] = {}
    for block in blocks:
        principals.setdefault(block["type"], []).extend(_variables(text) for text in block["identifiers"])
    if principals == {"*": ["*"]}:
        return "*"
    return {kind: _folded(sorted(names, reverse=True)) for kind, names in principals.items()}


def _conditions(blocks: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    conditions: dict[str, dict[str, list[str]]] = {}
    for block in blocks:
        values = conditions.setdefault(block["test"], {}).setdefault(_variables(block["variable"]), [])
        values.extend(_variables(text) for text in block["values"])
    return {test: {key: _folded(values) for key, values in keys.items()} for test, keys in conditions.items()}


def _of_documents(documents: Iterable[str] | None) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = []
    for text in documents or ():
        content = json.loads(text).get("Statement", [])
        statements.extend(content if isinstance(content, list) else [content])
    return statements


def _overridden(statements: list[dict[str, Any]], overrides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result = list(statements)
    for override in overrides:
        sid = override.get("Sid")
        indexes = [index for index, statement in enumerate(result) if sid and statement.get("Sid") == sid]
        if indexes:
            result[indexes[0]] = override
        else:
            result.append(override)
    return result


def _folded(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _variables(text: str) -> str:
    return text.replace("&{", "${")
