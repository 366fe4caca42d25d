"""Values with Outputs in them, as one Output.

`Output.from_input` does that too, and makes an Output of every plain value and of every key on its way: each is a task
of the event loop, and costs more than what is then made of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

import pulumi

from eks_identity.redaction import Redactor
from eks_identity.runtime.args_validation import PLAIN, is_output
from eks_identity.runtime.program_state import per_program

T = TypeVar("T")


def collect_outputs(value: Any) -> tuple[pulumi.Output[Any], Callable[[Any], Any]]:
    """What of `value` is late, as one Output, and what makes the whole `value` of that once it is known.

    Outputs are at the leaves: what they resolve to holds no others.
    """
    late = list(_late(value))
    if len(late) == 1 and isinstance(late[0], pulumi.Output):
        return late[0], lambda known: _filled(value, iter([known]))
    return _together(late), lambda known: _filled(value, iter(known))


def redactor_of(value: Any, found: Any) -> Redactor:
    """What redacts messages about the whole `value`, whose late parts turned out to be `found`."""
    late = list(_late(value))
    if len(late) == 1 and isinstance(late[0], pulumi.Output):
        found = [found]
    redactor = Redactor(plain=[_filled(value, repeat(None))])
    for one, resolved in zip(late, found, strict=True):
        redactor.add(resolved, marked=isinstance(one, pulumi.Output) and _is_secret(one))
    return redactor


def _is_secret(output: "pulumi.Output[Any]") -> bool:
    """Whether a resolved Output is a secret: what its coroutine would return, which has nothing left to wait for."""
    asked = output.is_secret()
    try:
        asked.send(None)
    except StopIteration as done:
        return bool(done.value)
    asked.close()
    return True


def memoize_on_output(late: "pulumi.Output[Any]", what: str, make: Callable[["pulumi.Output[Any]"], T]) -> T:
    """What `make` makes of this very Output, once: it is kept with it, for all who are given the same one."""
    made: dict[str, T] = vars(late).setdefault("_eks_identity", {})
    if what not in made:
        made[what] = make(late)
    return made[what]


def _together(late: list[Any]) -> pulumi.Output[Any]:
    """All of them. The same for all components that are given the same ones: a thousand have one cluster."""
    made: dict[tuple[int, ...], tuple[list[Any], pulumi.Output[Any]]] = per_program(__name__, dict)
    which = tuple(map(id, late))
    if which not in made:
        made[which] = late, pulumi.Output.all(*late)  # kept with it, an id stays theirs
    return made[which][1]


def _late(value: Any) -> Iterator[Any]:
    if isinstance(value, PLAIN):
        return
    if is_output(value):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _late(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _late(one)


def _filled(value: Any, known: Iterator[Any]) -> Any:
    if isinstance(value, PLAIN):
        return value
    if is_output(value):
        return next(known)
    if isinstance(value, Mapping):
        return {key: _filled(one, known) for key, one in value.items()}
    return [_filled(one, known) for one in value] if isinstance(value, Sequence) else value
