"""The request context: the condition keys of a request, as far as they are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eks_identity.evaluation.iam.patterns import matches

Values = Mapping[str, str | Sequence[str]]
"""Values by condition key. A key without values is absent."""


class RequestContext:
    """The condition keys of a request, in any case. Each is present with values, absent, or unknown.

    Keys that are in none of the arguments are absent if the context is `complete`, and unknown otherwise.

    Args:
        values: The values of known keys; an empty sequence for a key that the request lacks.
        absent: Keys that the request lacks, with the wildcards `*` and `?`.
        unknown: Keys of which nothing is known, with wildcards, such as `aws:RequestTag/*`.
        complete: Whether the request lacks all other keys.
    """

    def __init__(
        self,
        values: Values | None = None,
        *,
        absent: Iterable[str] = (),
        unknown: Iterable[str] = (),
        complete: bool = False,
    ) -> None:
        self._values = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in (values or {}).items()
        }
        self._absent = tuple(absent)
        self._unknown = tuple(unknown)
        self._complete = complete

    def get(self, key: str) -> tuple[str, ...] | None:
        """Return the values of a key: none if the request lacks it, None if it is unknown."""
        values = self._values.get(key.lower())
        if values is not None:
            return values
        if any(matches(pattern, key, ignore_case=True) for pattern in self._unknown):
            return None
        is_absent = self._complete or any(matches(pattern, key, ignore_case=True) for pattern in self._absent)
        return () if is_absent else None

    def updated(self, values: Values) -> RequestContext:
        """Return this context with the keys of `values` added or replaced."""
        context = RequestContext(values, absent=self._absent, unknown=self._unknown, complete=self._complete)
        context._values = {**self._values, **context._values}
        return context
