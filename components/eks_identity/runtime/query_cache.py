"""What AWS and clusters answer to a program while it runs: each question is asked once, however many ask it.

Who does not answer is asked no more by this program, and that is said once: nothing is refused that nobody could see.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

import pulumi

from eks_identity.errors import EksIdentityError
from eks_identity.runtime import diagnostics
from eks_identity.runtime.program_state import per_program
from eks_identity.runtime.threads import in_thread

T = TypeVar("T")


class _Endpoint:
    """Somebody who is asked, such as one cluster's API; one question at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.said: dict[Hashable, Any] = {}
        self.is_silent = False


class QueryCache:
    """The answers of one run of one program."""

    def __init__(self) -> None:
        self._places: defaultdict[Hashable, _Endpoint] = defaultdict(_Endpoint)

    async def ask(
        self, place: Hashable, question: Hashable, ask: Callable[[], T], *, unseen: str, about: pulumi.Resource
    ) -> T | None:
        """What `ask` returned to the first who put this question; None where `place` does not answer.

        `ask` runs in a thread and may raise the library's errors: then `unseen`, what nobody can see now, is reported.
        """
        asked = self._places[place]
        if question in asked.said:
            found: T | None = asked.said[question]
            return found
        found, error = await in_thread(self._answer, asked, question, ask)
        if error is not None:
            diagnostics.warn(f"{unseen}: {error}", about)
        return found

    @staticmethod
    def _answer(place: _Endpoint, question: Hashable, ask: Callable[[], T]) -> tuple[T | None, EksIdentityError | None]:
        with place.lock:
            if question not in place.said and not place.is_silent:
                try:
                    place.said[question] = ask()
                except EksIdentityError as error:
                    place.is_silent = True
                    return None, error
            return place.said.get(question), None


def of_program() -> QueryCache:
    """The answers of the program that is being declared. To be called while a component is made."""
    return per_program(__name__, QueryCache)
