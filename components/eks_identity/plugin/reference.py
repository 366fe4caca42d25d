"""The reference in the documentation: inputs and outputs of each component, written from the package schema.

`python -m eks_identity.plugin.reference > docs/reference.md` writes it, and so does `make schema`.
"""

import json
import sys
from collections.abc import Collection, Iterator
from typing import Any

import eks_identity
from eks_identity.plugin.names import Names
from eks_identity.plugin.schema import schema
from eks_identity.plugin.wire import snake_case

Json = dict[str, Any]

_HEAD = """\
# Reference

Inputs and outputs of every component, generated from `components/schema.json` (`make schema`). An example of each is
in [components/README.md](../components/README.md).

Names are in Python's form: args are dicts, `{"cluster": cluster.connection, …}`. Programs of other languages write
`oidcProviderArn` for `oidc_provider_arn`. A value of a `plain` type must not be an Output; every other value may be an
Output. Lists and maps must not be Outputs, but their items may.
"""


def reference_page() -> str:
    """Return the page in Markdown."""
    return "".join(_parts(json.loads(schema()), Names.of(schema())))


def _parts(package: Json, names: Names) -> Iterator[str]:
    resources = {_name(token): definition for token, definition in package["resources"].items()}
    types = {_name(token): definition for token, definition in package["types"].items()}
    yield f"{_HEAD}\nComponents: {_links(resources)}.\n\nTypes: {_links(types)}.\n"
    for name, definition in resources.items():
        yield f"\n## {name}\n\n{names.in_snake_case(definition['description'])}\n"
        yield _table("input", definition["inputProperties"], definition.get("requiredInputs", ()), names)
        yield _table("output", definition["properties"], (), names)
    for name, definition in types.items():
        yield f"\n## {name}\n\n{names.in_snake_case(definition['description'])}\n"
        if "enum" in definition:
            values = [f"`{member['value']}`" for member in definition["enum"]]
            yield f"\nOne of {', '.join(values)}.\n"
        yield _table("field", definition.get("properties", {}), definition.get("required", ()), names)


def _table(kind: str, properties: Json, required: Collection[str], names: Names) -> str:
    rows = [
        f"| `{snake_case(name)}` | {_type(definition)}{', required' if name in required else ''} "
        f"| {_cell(names.in_snake_case(definition['description']))} |\n"
        for name, definition in sorted(properties.items(), key=lambda item: item[0] not in required)
    ]
    return f"\n| {kind} | type | |\n|---|---|---|\n{''.join(rows)}" if rows else ""


def _type(definition: Json) -> str:
    if "$ref" in definition:
        token = definition["$ref"]
        name = _name(token.rpartition("/")[2])
        return _link(name) if token.startswith("#/types/") else "any"
    if "items" in definition:
        return f"list of {_type(definition['items'])}"
    if isinstance(definition.get("additionalProperties"), dict):
        return f"map of {_type(definition['additionalProperties'])}"
    if "oneOf" in definition:
        return " or ".join(map(_type, definition["oneOf"]))
    is_plain = definition.get("plain") and definition["type"] != "object"
    return f"plain {definition['type']}" if is_plain else str(definition["type"])


def _name(token: str) -> str:
    """Return the class's name in Python, in which the name of a TypedDict may end in `Args`."""
    name = token.rpartition(":")[2]
    return f"{name}Args" if f"{name}Args" in eks_identity.__all__ and name not in eks_identity.__all__ else name


def _links(definitions: Json) -> str:
    return ", ".join(map(_link, definitions))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference_page())
