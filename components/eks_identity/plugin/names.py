"""Names of inputs and outputs in texts: snake case for Python, camel case for other languages."""

import json
import re
from dataclasses import dataclass
from typing import Self

from pulumi.provider.experimental.util import camel_case

from eks_identity.plugin.wire import snake_case

_SNAKE = re.compile(r"(?<![\w/.-])[a-z]+(?:_[a-z]+)+(?![\w/-])")
_CAMEL = re.compile(r"(?<![\w/.:-])[a-z]+(?:[A-Z][a-z0-9]*)+(?![\w/-])")


@dataclass(frozen=True)
class Names:
    """Names of inputs and outputs that differ between languages: `oidc_provider_arn` is `oidcProviderArn`."""

    camel: frozenset[str]

    @classmethod
    def of(cls, schema: str) -> Self:
        """Return the names of all inputs and outputs in a package schema."""
        package = json.loads(schema)
        return cls(
            frozenset(
                name
                for definition in (*package["resources"].values(), *package["types"].values())
                for properties in ("properties", "inputProperties")
                for name in definition.get(properties, {})
                if name != snake_case(name)
            )
        )

    def in_camel_case(self, text: str, *, unless_in: str = "") -> str:
        """Return `text` with the names in camel case. Other words are unchanged, and so are those in `unless_in`."""
        unchanged = set(_SNAKE.findall(unless_in))
        return _SNAKE.sub(
            lambda word: name if (name := camel_case(word[0])) in self.camel and word[0] not in unchanged else word[0],
            text,
        )

    def in_snake_case(self, text: str) -> str:
        """Return `text` with the names in snake case. Other words are unchanged."""
        return _CAMEL.sub(lambda word: snake_case(word[0]) if word[0] in self.camel else word[0], text)
