"""getPolicyDocument: statements as a program writes them → the JSON that IAM reads. Pure.

As the official function does it: a list of one is written as its item, `&{` becomes `${`, statements with a `sid` of an
override document replace those of the same `sid`, and the id is the checksum of the text.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

_LISTS: Final = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}
_PRINCIPALS: Final = {"principals": "Principal", "notPrincipals": "NotPrincipal"}


def policy_document(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of getPolicyDocument."""
    version = arguments.get("version") or "2012-10-17"
    document: dict[str, Any] = {"Version": version}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    statements = [
        *_of_documents(arguments.get("sourcePolicyDocuments")),
        *(_statement(each) for each in arguments.get("statements") or ()),
    ]
    document["Statement"] = _overridden(statements, _of_documents(arguments.get("overridePolicyDocuments")))
    text = json.dumps(document, indent=2)
    return {
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": version,
    }


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    statement["Effect"] = given.get("effect") or "Allow"
    for name, member in _LISTS.items():
        if given.get(name):
            statement[member] = _folded(sorted(map(_variables, given[name]), reverse=True))
    for name, member in _PRINCIPALS.items():
        if given.get(name):
            statement[member] = _principals(given[name])
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"])
    return statement


def _principals(given: Iterable[Mapping[str, Any]]) -> Any:
    found: dict[str, list[str]] = {}
    for each in given:
        found.setdefault(each["type"], []).extend(_variables(text) for text in each["identifiers"])
    if found == {"*": ["*"]}:
        return "*"
    return {kind: _folded(sorted(names, reverse=True)) for kind, names in found.items()}


def _conditions(given: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, list[str]]] = {}
    for each in given:
        values = found.setdefault(each["test"], {}).setdefault(_variables(each["variable"]), [])
        values.extend(_variables(text) for text in each["values"])
    return {test: {key: _folded(values) for key, values in keys.items()} for test, keys in found.items()}


def _of_documents(documents: Iterable[str] | None) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = []
    for text in documents or ():
        found = json.loads(text).get("Statement", [])
        statements.extend(found if isinstance(found, list) else [found])
    return statements


def _overridden(statements: list[dict[str, Any]], overrides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result = list(statements)
    for override in overrides:
        sid = override.get("Sid")
        places = [place for place, each in enumerate(result) if sid and each.get("Sid") == sid]
        if places:
            result[places[0]] = override
        else:
            result.append(override)
    return result


def _folded(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def _variables(text: str) -> str:
    return text.replace("&{", "${")
