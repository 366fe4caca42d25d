"""Tables of a graph: the objects of one kind, read when a question asks for them.

| table made by     | an object that is missing        | reads                                  |
|-------------------|----------------------------------|----------------------------------------|
| `Table.of`        | does not exist                   | nothing                                |
| `Table.partial`   | is not evaluated, or see below   | nothing                                |
| `Table.not_read`  | is not evaluated                 | nothing                                |
| `Table(every, …)` | does not exist                   | few objects alone, or all; each once   |
| … `gaps=…`         | is read by itself                | the same                               |

A partial table may know more of an object that it lacks: that a preview deletes it, or why its contents are not known.

A source that cannot read an object raises `NotReadError`. Questions turn it into "not evaluated", never into "fine".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from eks_identity.model.arns import find_account

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_FEW = 10
"""Objects that are read alone. For more, a page of a listing is cheaper than requests for each."""


@dataclass(frozen=True)
class NotRead:
    """A part of the graph that its source could not read."""

    part: str
    """The objects, as in "IAM role arn:…" or "Pod Identity associations"."""
    reason: str
    """Why, with the missing permission if that is known: `AccessDenied: iam:GetRole`."""

    def __str__(self) -> str:
        return f"{self.part}: {self.reason}"


class NotReadError(Exception):
    """A source could not read a part that a question needs."""

    def __init__(self, part: str, reason: str) -> None:
        self.not_read = NotRead(part, reason)
        super().__init__(part, reason)

    def __str__(self) -> str:
        return str(self.not_read)


class Table(Generic[K, V]):
    """The objects of one kind by key."""

    def __init__(
        self,
        every: Callable[[], Mapping[K, V]],
        one: Callable[[K], V | None] | None = None,
        *,
        keys: Callable[[], Collection[K]] | None = None,
        gaps: NotRead | None = None,
        account: str | None = None,
        exceptions: Mapping[K, NotRead | None] | None = None,
        unkeyed: Sequence[NotRead] = (),
        remarks: Mapping[K, str] | None = None,
    ) -> None:
        """Read all objects with `every`, one with `one` if it is cheaper, all keys with `keys` if that is cheaper.

        With `gaps` the source may lack existing objects: an object that it lacks is read with `one`, and without `one`
        it is not read, for that reason. With `account`, keys are ARNs, and no object of that account is lacking. The
        `exceptions` are objects that it lacks for another reason, or None: that object does not exist. `unkeyed` are
        objects whose key the source does not know. `remarks` say what a reader must know of some objects.
        """
        self._read_every = _Once(every)
        self._read_one = one
        self._read_keys = _Once(keys or self.all)
        self.gaps = gaps
        self.exceptions = exceptions or {}
        self.unkeyed = tuple(unkeyed)
        self.account = account
        self.remarks = remarks or {}
        self._remarked: dict[K, None] = {}
        self._single: dict[K, _Once[V | None]] = {}
        self._lacking: dict[K, NotReadError] = {}
        self._is_listed = False

    @classmethod
    def of(cls, objects: Mapping[K, V]) -> Self:
        """Return the table of all existing objects."""
        return cls(lambda: objects)

    @classmethod
    def partial(
        cls,
        objects: Mapping[K, V],
        part: str,
        reason: str,
        exceptions: Mapping[K, NotRead | None] | None = None,
        unkeyed: Sequence[NotRead] = (),
        *,
        remarks: Mapping[K, str] | None = None,
    ) -> Self:
        """Return a table of some objects: others of this kind may exist, and are not evaluated."""
        gaps = NotRead(part, reason)
        return cls(lambda: objects, gaps=gaps, exceptions=exceptions, unkeyed=unkeyed, remarks=remarks)

    @classmethod
    def not_read(cls, part: str, reason: str) -> Self:
        """Return a table whose objects could not be read."""

        def fail() -> Mapping[K, V]:
            raise NotReadError(part, reason)

        return cls(fail)

    def get(self, key: K) -> V | None:
        """Return one object, None if it does not exist; raise `NotReadError` if that is not evaluated."""
        if key in self.remarks:
            self._remarked[key] = None
        found, read_one = None, self._read_one
        if read_one is None or self._read_every.has_result:
            found = self._read_every().get(key)
            if found is not None or not self._may_lack(key):
                return found
        if read_one is not None:
            if len(self._single) >= _FEW and not self._may_lack(key) and not self._read_every.was_tried:
                self.prefetch()
                return self.get(key)
            return self._single.setdefault(key, _Once(lambda: read_one(key)))()
        not_read = self.exceptions.get(key) or self.gaps
        assert not_read is not None
        part = not_read.part if key in self.exceptions else f"{not_read.part} {key_words(key)}"
        error = NotReadError(part, not_read.reason)
        self._lacking.setdefault(key, error)
        raise error

    def _may_lack(self, key: K) -> bool:
        """Return whether an object may exist that `every` does not have."""
        if key in self.exceptions:
            return self.exceptions[key] is not None
        account = find_account(key) if isinstance(key, str) else None
        return self.gaps is not None and (self.account is None or account != self.account)

    def prefetch(self) -> None:
        """Read all objects at once, if the source can, because many of them are needed.

        If it cannot, no part has failed yet: each object is read alone.
        """
        with suppress(NotReadError):
            self._read_every()

    def keys(self) -> Collection[K]:
        """Return the keys of all objects that the source has; raise `NotReadError` if they cannot be listed."""
        return self._read_keys()

    def all(self) -> Mapping[K, V]:
        """Return all objects that the source has; raise `NotReadError` if they cannot be listed."""
        self._is_listed = True
        return self._read_every()

    def remarks_read(self) -> Iterator[str]:
        """Yield what a reader must know of the objects that were read by their keys so far."""
        return (self.remarks[key] for key in self._remarked)

    def failures(self) -> Iterator[NotRead]:
        """Yield what could not be read so far."""
        listing = self._read_every.error if self._is_listed or self._read_one is None else None
        errors = (
            listing,
            self._read_keys.error,
            *(read.error for read in self._single.values()),
            *self._lacking.values(),
        )
        yield from (error.not_read for error in errors if error is not None)
        if self._is_listed:
            yield from (exception for exception in self.exceptions.values() if exception is not None)
            yield from self.unkeyed


def key_words(key: object) -> str:
    """Return a key in words: `NAMESPACE/NAME`, or the name of an object in no namespace."""
    return "/".join(part for part in key if part) if isinstance(key, tuple) else str(key)


class Part(Generic[T]):
    """One object of the graph that is read when a question asks for it, such as the ConfigMap aws-auth."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = _Once(read)

    @classmethod
    def of(cls, value: T) -> Self:
        """Return the part with a value that is read already."""
        return cls(lambda: value)

    @classmethod
    def not_read(cls, part: str, reason: str) -> Self:
        """Return a part that could not be read."""

        def fail() -> T:
            raise NotReadError(part, reason)

        return cls(fail)

    @property
    def is_read(self) -> bool:
        """Whether a question has read the object."""
        return self._read.has_result

    def get(self) -> T:
        """Return the object; raise `NotReadError` if it could not be read."""
        return self._read()

    def failures(self) -> Iterator[NotRead]:
        """Yield what could not be read so far."""
        if self._read.error is not None:
            yield self._read.error.not_read


class _Once(Generic[T]):
    """A reading that happens once, with its result or its failure."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._result: list[T] = []
        self.error: NotReadError | None = None

    @property
    def has_result(self) -> bool:
        return bool(self._result)

    @property
    def was_tried(self) -> bool:
        return self.has_result or self.error is not None

    def __call__(self) -> T:
        if self.error is not None:
            raise self.error
        if not self._result:
            try:
                self._result.append(self._read())
            except NotReadError as error:
                self.error = error
                raise
        return self._result[0]
