"""Tables in the making: objects, and what is known of objects that a stack does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from eks_access.graph.tables import NotRead, Table, key_words
from eks_access.sources.pulumi.documents import require_types
from eks_access.sources.pulumi.values import UnknownValueError

K = TypeVar("K")
V = TypeVar("V")
_KEY = str | tuple[str | None, str]


class Rows(Generic[K, V]):
    """The objects of one table."""

    def __init__(self, part: str, reason: str, form: Any) -> None:
        """Begin a table of `part`; other objects than those added are not evaluated for `reason`.

        `form` is the type of the objects. A resource with values of other types raises `SourceError`.
        """
        self._part = part
        self._form = form
        self._reason = reason
        self.objects: dict[K, V] = {}
        self._exceptions: dict[K, NotRead | None] = {}
        self._unkeyed: list[NotRead] = []
        self.remarks: dict[K, str] = {}
        """What a reader must know of some objects."""

    def add(self, key: Callable[[], K], value: Callable[[], V]) -> None:
        """Add an object. If its key or its value is unknown, the table says so."""
        try:
            found = require_types(key(), _KEY, f"the name of a resource for {self._part}")
        except UnknownValueError as error:
            self.add_unkeyed(str(error))
            return
        try:
            self.objects[found] = require_types(value(), self._form, f"{self._part} {key_words(found)}")
            self._exceptions.pop(found, None)
        except UnknownValueError as error:
            self._exceptions[found] = NotRead(self._part, str(error))

    def add_unkeyed(self, reason: str) -> None:
        """Add an object without a key."""
        self._unkeyed.append(NotRead(self._part, reason))

    def remove(self, key: Callable[[], K]) -> None:
        """Note that an object does not exist, unless it was added."""
        try:
            found = key()
        except UnknownValueError:
            return
        if found not in self.objects:
            self._exceptions.setdefault(found, None)

    def table(self) -> Table[K, V]:
        """Return the table."""
        reason = "; or ".join([self._reason, *(each.reason for each in self._unkeyed)])
        return Table.partial(
            self.objects, self._part, reason, self._exceptions, unkeyed=self._unkeyed, remarks=self.remarks
        )
