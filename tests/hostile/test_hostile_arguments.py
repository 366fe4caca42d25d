"""Hostile arguments of every component are rejected before anything is registered, with a complete message."""

from __future__ import annotations

import os
import traceback
from collections import Counter

import hypothesis
import pulumi
import pytest
from hypothesis import strategies as st

from eks_identity.runtime.inputs import InvalidInputError
from support import service_models
from support.component_contract import declare, sample, validate_without_registration
from support.hostile_cases import leaves
from support.hostile_checks import MARK, check_message
from support.hostile_inputs import hostile
from support.sample_args import at, changed

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])


@pytest.fixture
def rejection(monkeypatch):
    """Return a function that returns the error of a component's plain args, None if they are accepted."""
    return validate_without_registration(monkeypatch)


def test_hostile_arguments_are_rejected(rejection, examples, show):
    """Each hostile value is rejected with input, rule, value and fix, or is a valid text of an input that takes any."""
    counts: Counter[str] = Counter()

    @hypothesis.seed(SEED)
    @examples(300)
    @hypothesis.given(st.data())
    def run(data):
        name, index, place = data.draw(st.sampled_from(leaves()))
        value = data.draw(hostile(at(sample(name, index), place)))
        error = rejection(name, changed(sample(name, index), place, value))
        if error is None:
            counts["accepted"] += 1
            return
        counts["rejected"] += 1
        check_message(error, name)

    run()
    show(f"hostile arguments: {dict(counts)}")


def test_accepted_arguments_are_valid_to_aws(examples, show):
    """Hostile values that the components accept are valid by the service models of AWS."""
    counts: Counter[str] = Counter()

    @hypothesis.seed(SEED)
    @examples(100)
    @hypothesis.given(st.data())
    def run(data):
        name, index, place = data.draw(st.sampled_from(leaves()))
        value = data.draw(hostile(at(sample(name, index), place)))
        try:
            deployment = declare(name, lambda: changed(sample(name, index), place, value))
        except InvalidInputError:
            counts["rejected"] += 1
            return
        counts["accepted"] += 1
        for resource in deployment.resources:
            problems = list(service_models.problems(resource.type, resource.inputs))
            assert not problems, f"{name} {place} {value!r}: {problems}"

    run()
    show(f"accepted arguments, checked by the service models: {dict(counts)}")


def declare_secret(name: str, index: int, place: tuple[str | int, ...], value: str) -> InvalidInputError | None:
    """Return the error of a component whose input at `place` is a secret, None if it is accepted."""
    try:
        declare(name, lambda: changed(sample(name, index), place, pulumi.Output.secret(value)), preview=True)
    except InvalidInputError as error:
        return error
    return None


def test_hostile_secrets_are_not_shown(examples, show):
    """A hostile value that is secret is in no message and in no traceback."""
    counts: Counter[str] = Counter()

    @hypothesis.seed(SEED)
    @examples(60)
    @hypothesis.given(st.data())
    def run(data):
        name, index, place = data.draw(st.sampled_from(leaves()))
        valid = at(sample(name, index), place)
        if not isinstance(valid, str):
            return
        value = data.draw(hostile(valid).filter(lambda text: isinstance(text, str)))
        value = f"{value}{MARK}"
        error = declare_secret(name, index, place, value)
        counts["accepted" if error is None else "rejected"] += 1
        if error is not None:
            check_message(error, name)
            assert MARK not in "".join(traceback.format_exception(error)).lower()

    run()
    show(f"hostile secrets: {dict(counts)}")
