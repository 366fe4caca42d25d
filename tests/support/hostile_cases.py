"""Hostile arguments of components: each input of each sample, with hostile values in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis
from hypothesis import strategies as st

from eks_identity.errors import Problem
from eks_identity.runtime.inputs import InvalidInputError
from support.component_contract import sample
from support.hostile_inputs import hostile
from support.sample_args import COMPONENTS, SAMPLES, Path, at, changed, keys, places, shape_of


@cache
def leaves() -> list[tuple[str, int, Path]]:
    """Return the component, the sample and the place of each input."""
    return [
        (name, index, place)
        for name in COMPONENTS
        for index, args in enumerate(SAMPLES[name])
        for path, _ in keys(shape_of(COMPONENTS[name]))
        for place in places(args, path)
    ]


@dataclass(frozen=True)
class RejectedCase:
    """Args of a component that it rejects, and the problems that it has with them."""

    component: str
    args: Any
    problems: tuple[Problem, ...]


def rejected_cases(
    reject: Callable[[str, Any], InvalidInputError | None], seed: int, number: int
) -> list[RejectedCase]:
    """Return the rejected ones of this number of hostile args. They are plain values that JSON can hold."""
    cases: list[RejectedCase] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=number, phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck),
        database=None,
    )  # fmt: skip
    @hypothesis.given(st.data())
    def run(data: st.DataObject) -> None:
        name, index, place = data.draw(st.sampled_from(leaves()))
        args = changed(sample(name, index), place, data.draw(hostile(at(sample(name, index), place))))
        if (error := reject(name, args)) is not None:
            cases.append(RejectedCase(name, args, error.problems))

    run()
    return cases
