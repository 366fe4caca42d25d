"""An evaluator of trust policies that shares no code with the library: the part of IAM's evaluation that they use."""

import re
from typing import Any


def allows(document: dict[str, Any], *, provider: str, action: str, claims: dict[str, str]) -> bool:
    """Return whether a statement allows `action` for a token of `provider` with these claims.

    Every key of every operator must match; a key that the token does not have never matches.
    """
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"].get("Federated") == provider
        and action in _many(statement["Action"])
        and all(
            key in claims and any(_matches(operator, pattern, claims[key]) for pattern in _many(patterns))
            for operator, keys in statement["Condition"].items()
            for key, patterns in keys.items()
        )
        for statement in document["Statement"]
    )


def _matches(operator: str, pattern: str, value: str) -> bool:
    if operator == "StringEquals":
        return pattern == value
    assert operator == "StringLike"
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, value, re.DOTALL) is not None


def _many(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
