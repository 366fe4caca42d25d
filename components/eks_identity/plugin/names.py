"""Names in texts that were written for Python, as programs of other languages write them."""

import json
import re
from dataclasses import dataclass
from typing import Self

from pulumi.provider.experimental.util import camel_case

from eks_identity.plugin.wire import snake_case

_WORD = re.compile(r"(?<![\w/.-])[a-z]+(?:_[a-z]+)+(?![\w/-])")


@dataclass(frozen=True)
class Names:
    """The names that differ between Python and the others: `oidc_provider_arn` is `oidcProviderArn`."""

    snake: frozenset[str]

    @classmethod
    def of(cls, schema: str) -> Self:
        """The names of all inputs and outputs in a package schema."""
        package = json.loads(schema)
        declared = [*package["resources"].values(), *package["types"].values()]
        found = {
            snake_case(name)
            for each in declared
            for kind in ("properties", "inputProperties")
            for name in each.get(kind, {})
        }
        return cls(frozenset(name for name in found if "_" in name))

    def in_camel_case(self, text: str) -> str:
        """`text` with every name of an input or output in camel case; all other words stay."""
        return _WORD.sub(lambda word: camel_case(word[0]) if word[0] in self.snake else word[0], text)
