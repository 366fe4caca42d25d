"""Values with Outputs in them, as one Output.

`Output.from_input` does this too, but it creates an Output for every plain value and every key. Each of these is a task
of the event loop, and costs more than the computation on the result.
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
    """Collect all Outputs in `value` into one Output. Return it and a function that rebuilds `value` from its result.

    The Outputs are leaves of `value`: their results contain no Outputs.
    """
    outputs = list(_outputs(value))
    if len(outputs) == 1 and isinstance(outputs[0], pulumi.Output):
        return outputs[0], lambda result: _rebuild(value, iter([result]))
    return _all(outputs), lambda results: _rebuild(value, iter(results))


def build_redactor(value: Any, result: Any) -> Redactor:
    """Return the redactor of messages about `value`, given the result of the Output of `collect_outputs`."""
    outputs = list(_outputs(value))
    results = [result] if len(outputs) == 1 and isinstance(outputs[0], pulumi.Output) else result
    redactor = Redactor(plain=[_rebuild(value, repeat(None))])
    for output, resolved in zip(outputs, results, strict=True):
        redactor.add(resolved, marked=isinstance(output, pulumi.Output) and _is_secret(output))
    return redactor


def _is_secret(output: "pulumi.Output[Any]") -> bool:
    """Return whether a resolved Output is a secret. Its coroutine has nothing to wait for, so it runs to its end."""
    coroutine = output.is_secret()
    try:
        coroutine.send(None)
    except StopIteration as done:
        return bool(done.value)
    coroutine.close()
    return True


def memoize_on_output(output: "pulumi.Output[Any]", key: str, make: Callable[["pulumi.Output[Any]"], T]) -> T:
    """Return the result of `make` for `output`. The result is stored on the Output, and `make` runs once for `key`."""
    results: dict[str, T] = vars(output).setdefault("_eks_identity", {})
    if key not in results:
        results[key] = make(output)
    return results[key]


def _all(outputs: list[Any]) -> pulumi.Output[Any]:
    """Return `Output.all`, the same one for the same Outputs: a thousand components may share one cluster."""
    cache: dict[tuple[int, ...], tuple[list[Any], pulumi.Output[Any]]] = per_program(__name__, dict)
    key = tuple(map(id, outputs))
    if key not in cache:
        cache[key] = outputs, pulumi.Output.all(*outputs)  # with the Outputs, so that no other object gets their ids
    return cache[key][1]


def _outputs(value: Any) -> Iterator[Any]:
    if isinstance(value, PLAIN):
        return
    if is_output(value):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _outputs(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _outputs(item)


def _rebuild(value: Any, results: Iterator[Any]) -> Any:
    if isinstance(value, PLAIN):
        return value
    if is_output(value):
        return next(results)
    if isinstance(value, Mapping):
        return {key: _rebuild(item, results) for key, item in value.items()}
    return [_rebuild(item, results) for item in value] if isinstance(value, Sequence) else value
