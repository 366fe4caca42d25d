"""The reference of the documentation, written from the package's schema: what each component takes and gives.

`python -m eks_identity.plugin.reference > docs/reference.md`; `make schema` does it too.
"""

import json
import re
import sys
from collections.abc import Collection, Iterator
from typing import Any

import eks_identity
from eks_identity.plugin.schema import schema
from eks_identity.plugin.wire import snake_case

Json = dict[str, Any]

_HEAD = """\
# Reference

What every component takes and gives, written from `components/schema.json` (`make schema`). An example of each is in
[components/README.md](../components/README.md).

Names are those of Python: args are dicts, `{"cluster": cluster.connection, …}`. Programs of other languages write
`oidcProviderArn` for `oidc_provider_arn`. Where the type says `plain`, the value has to be known while the program
runs; every other one may be an Output. Lists and maps are plain themselves, and what is in them may come late.
"""
_WORD = re.compile(r"(?<![\w/.:-])[a-z]+(?:[A-Z][a-z0-9]*)+(?![\w/-])")


def page() -> str:
    """The page, in Markdown."""
    return "".join(_parts(json.loads(schema())))


def _parts(package: Json) -> Iterator[str]:
    resources = {_name(token): each for token, each in package["resources"].items()}
    types = {_name(token): each for token, each in package["types"].items()}
    names = _Names(package)
    yield f"{_HEAD}\nComponents: {_links(resources)}.\n\nTypes: {_links(types)}.\n"
    for name, each in resources.items():
        yield f"\n## {name}\n\n{names.python(each['description'])}\n"
        yield _table("input", each["inputProperties"], each.get("requiredInputs", ()), names)
        yield _table("output", each["properties"], (), names)
    for name, each in types.items():
        yield f"\n## {name}\n\n{names.python(each['description'])}\n"
        yield _table("field", each["properties"], each.get("required", ()), names)


def _table(kind: str, properties: Json, needed: Collection[str], names: "_Names") -> str:
    rows = [
        f"| `{snake_case(name)}` | {_type(each)}{', needed' if name in needed else ''} "
        f"| {_cell(names.python(each['description']))} |\n"
        for name, each in sorted(properties.items(), key=lambda item: item[0] not in needed)
    ]
    return f"\n| {kind} | type | |\n|---|---|---|\n{''.join(rows)}" if rows else ""


def _type(each: Json) -> str:
    if "$ref" in each:
        token = each["$ref"]
        name = _name(token.rpartition("/")[2])
        return _link(name) if token.startswith("#/types/") else "anything"
    if "items" in each:
        return f"list of {_type(each['items'])}"
    if isinstance(each.get("additionalProperties"), dict):
        return f"map of {_type(each['additionalProperties'])}"
    return f"plain {each['type']}" if each.get("plain") and each["type"] != "object" else str(each["type"])


class _Names:
    """Names of inputs and outputs within texts, as Python writes them."""

    def __init__(self, package: Json) -> None:
        declared = [*package["resources"].values(), *package["types"].values()]
        kinds = ("properties", "inputProperties")
        self._camel = {name for each in declared for kind in kinds for name in each.get(kind, {})}

    def python(self, text: str) -> str:
        """`text` with every such name as in Python; all other words stay."""
        return _WORD.sub(lambda word: snake_case(word[0]) if word[0] in self._camel else word[0], text)


def _name(token: str) -> str:
    """The class's name in Python, where a record's ends in `Args`."""
    name = token.rpartition(":")[2]
    return f"{name}Args" if f"{name}Args" in eks_identity.__all__ and name not in eks_identity.__all__ else name


def _links(named: Json) -> str:
    return ", ".join(map(_link, named))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
