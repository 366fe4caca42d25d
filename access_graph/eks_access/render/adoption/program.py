"""An adoption as a Pulumi program in Python. Every text of the cluster is written as a literal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from eks_access.questions.adoption.declarations import (
    CLUSTER,
    CLUSTER_ACCESS,
    OIDC_PROVIDER,
    WORKLOAD,
    Adoption,
    Declaration,
    Reference,
)

PROJECT = "adopted"
_VARIABLES = {CLUSTER: "cluster", OIDC_PROVIDER: "provider"}
_IN_CLUSTER = frozenset({CLUSTER_ACCESS, WORKLOAD})
"""Components with Kubernetes objects, which need the cluster's provider."""
_WIDTH = 120


def program(adoption: Adoption) -> str:
    """Return the text of `__main__.py`."""
    components = sorted({each.component for each in adoption.declarations})
    parts = [
        '"""Identity of an existing cluster, written by `eks-access adopt`. NOT_ADOPTED.md lists what it lacks."""\n',
        "import pulumi\n",
        f"from eks_identity import {', '.join(components)}\n",
        *map(_declaration, adoption.declarations),
    ]
    return "\n".join(parts)


def project_file() -> str:
    """Return the text of `Pulumi.yaml`."""
    return yaml.safe_dump(
        {"name": PROJECT, "description": "Adopted by eks-access", "runtime": "python"}, sort_keys=False
    )


def stack_file(region: str) -> str:
    """Return the text of the stack's settings file."""
    return yaml.safe_dump({"config": {"aws:region": region}})


def _declaration(each: Declaration) -> str:
    variable = _VARIABLES.get(each.component)
    target = f"{variable} = " if variable else ""
    arguments = [literal(each.name), _lines(each.args, 4)]
    if each.component in _IN_CLUSTER:
        arguments.append("pulumi.ResourceOptions(providers=[cluster.provider])")
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{target}{each.component}(\n{lines})\n"


def literal(value: Any, indent: int = 0, lead: int = 0) -> str:
    """Return a value as a Python expression, in one line if it fits.

    The line is indented by `indent` spaces, and has `lead` more characters around the value.
    """
    plain = _one_line(value)
    return plain if indent + lead + len(plain) <= _WIDTH else _lines(value, indent)


def _lines(value: Any, indent: int) -> str:
    """Return a dict or a list with one item a line."""
    inner = indent + 4
    if isinstance(value, Mapping):
        keys = ((_one_line(key), item) for key, item in value.items())
        items = [f"{key}: {literal(item, inner, len(key) + 3)}" for key, item in keys]
    elif isinstance(value, list):
        items = [literal(item, inner, 1) for item in value]
    else:
        return _one_line(value)
    brackets = "{}" if isinstance(value, Mapping) else "[]"
    return brackets[0] + "\n" + "".join(f"{' ' * inner}{item},\n" for item in items) + " " * indent + brackets[1]


def _one_line(value: Any) -> str:
    if isinstance(value, Reference):
        return value.output
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_one_line(key)}: {_one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_one_line, value)) + "]"
    # JSON's texts are Python's too, in the quotes that formatters prefer.
    is_plain = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=False) if is_plain else repr(value)
