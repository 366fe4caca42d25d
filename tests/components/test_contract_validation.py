"""Contract of every component: an input that is not valid is rejected in the library's format before registration."""

import itertools
import typing
from typing import Any

import botocore.session
import pulumi
import pytest

from eks_identity.runtime.inputs import InvalidInputError
from support.component_contract import declare, sample, validate_without_registration
from support.sample_args import COMPONENTS, SAMPLES, at, changed, keys, places, shape_of, written

NOTHING = object()

WRONG: dict[type, list[Any]] = {
    str: [None, 7, True, ["x"], {"x": "x"}],
    bool: [None, "false", 1, []],
    int: [None, "600", True, [], 0, -1, 0.5],
}
"""Values of every other type, by the type of an input."""
NOT_ARNS = ["nonsense", "arn:aws:s3", "arn:aws:ec2:ap-northeast-1:111122223333:instance/i-1"]

MAY_BE_EMPTY = {
    "annotations": "Kubernetes: the value of an annotation is any text",
    "api_groups": "Kubernetes: the core group's name is empty",
    "description": "IAM: the pattern of roleDescriptionType matches no character too",
    "labels": "Kubernetes: the value of a label may be empty",
    "tags": "IAM: tagValueType has at least 0 characters",
    "values": "IAM: s3:prefix is empty at the root of a bucket, so StringEquals compares to that",
}
"""Inputs that accept an empty value, with the rule that allows it. Each must be accepted."""


def unwrapped(annotation):
    """Return the type of the values of an annotation, without NotRequired and Input."""
    while typing.get_origin(annotation) in {typing.NotRequired, typing.Union} or isinstance(
        annotation, type(int | str)
    ):
        annotation = typing.get_args(annotation)[0]
    return annotation


def key_of(path):
    """Return the last key of a path."""
    return next(str(step) for step in reversed(path) if isinstance(step, str))


def wrong(path, annotation):
    """Yield values that are not valid at `path`, by type and by the name of its key."""
    shape = unwrapped(annotation)
    if shape in WRONG:
        yield from WRONG[shape]
    elif typing.get_origin(shape) is list:
        yield from (None, "x", 7, {"x": "x"}, [None])
    elif typing.get_origin(shape) is dict:
        yield from (None, "x", 7, ["x"])
        if unwrapped(typing.get_args(shape)[1]) is str:
            yield {"x": None}
            if key_of(path) not in MAY_BE_EMPTY:
                yield {"x": ""}
        if typing.get_args(shape)[1] is Any:
            yield {"nonsense": 1}  # options of pulumi_eks, which has none of that name
    elif typing.is_typeddict(shape):
        yield from (None, "x", ["x"], {"nonsense": 1})
    key = key_of(path)
    if shape is str and key not in MAY_BE_EMPTY:
        yield ""
    if shape is str and (key.endswith(("_arn", "_arns")) or key == "arn"):
        yield from NOT_ARNS


CASES = [
    (name, path, annotation)
    for name in COMPONENTS
    if name in SAMPLES
    for path, annotation in keys(shape_of(COMPONENTS[name]))
]


@pytest.fixture
def validation_error(monkeypatch):
    """Return a function that returns the error of a component's plain args, None if they are accepted."""
    return validate_without_registration(monkeypatch)


def about(problem, place):
    """Return whether a problem is about an input, a part of it, or a value that contains it."""
    one, other = problem.input, written(place)
    return one.startswith(other) or other.startswith(one) or one.replace("the name ", "").startswith("'x'")


def everywhere(name, path):
    """Yield each sample with a value at `path`, and each of its places."""
    found = [(index, place) for index, args in enumerate(SAMPLES[name]) for place in places(args, path)]
    assert found, f"no sample of {name} has {path}"
    return found


def where(name, path):
    """Return the first of these."""
    return everywhere(name, path)[0]


@pytest.mark.parametrize(("name", "path", "annotation"), CASES, ids=lambda value: str(value)[:60])
def test_invalid_value_is_rejected(name, path, annotation, validation_error):
    """A value of another type, an empty value or an ARN of another resource is rejected with path, rule, value, fix.

    The error is raised before any resource is registered.
    """
    accepted = []
    for (index, place), value in itertools.product(everywhere(name, path), wrong(path, annotation)):
        error = validation_error(name, changed(sample(name, index), place, value))
        if error is None:
            accepted.append((written(place), value))
            continue
        message = str(error)
        assert message.startswith(f'{name} "thing": '), message
        concerned = [problem for problem in error.problems if about(problem, place)]
        assert concerned, f"{written(place)} = {value!r}: {message}"
        for problem in concerned:
            assert problem.rule
            assert problem.fix
            assert f"rule: {problem.rule}" in message
            assert f"fix:  {problem.fix}" in message
    assert not accepted, f"{name} accepts {accepted}"


LATE = [
    (name, path)
    for name, path, annotation in CASES
    if annotation == pulumi.Input[str] and key_of(path) not in MAY_BE_EMPTY
]


@pytest.mark.parametrize(("name", "path"), LATE, ids=lambda value: str(value)[:60])
def test_invalid_output_is_rejected_when_it_resolves(name, path):
    """An empty value from an Output is rejected in the preview too, in the same format."""
    index, place = where(name, path)
    with pytest.raises(InvalidInputError) as error:
        declare(name, lambda: changed(sample(name, index), place, pulumi.Output.from_input("")), preview=True)
    assert str(error.value).startswith(f'{name} "thing": ')
    assert any(about(problem, place) for problem in error.value.problems), str(error.value)


EMPTY = [
    (name, path, "" if unwrapped(annotation) is str else {"x": ""})
    for name, path, annotation in CASES
    if key_of(path) in MAY_BE_EMPTY and typing.get_origin(unwrapped(annotation)) is not list
]


@pytest.mark.parametrize(("name", "path", "empty"), EMPTY, ids=lambda value: str(value)[:60])
def test_meaningful_empty_value_is_accepted(name, path, empty, validation_error):
    """Every exemption from the rejection of empty values is accepted, so that no exemption outlives its reason."""
    index, place = where(name, path)
    assert validation_error(name, changed(sample(name, index), place, empty)) is None


def test_each_exemption_is_an_input():
    """Each input that may be empty is an input of a component; the rules of IAM are those of its own model."""
    assert {key_of(path) for _, path, _ in EMPTY} == MAY_BE_EMPTY.keys()
    iam = botocore.session.get_session().get_service_model("iam")
    assert iam.shape_for("tagValueType").metadata["min"] == 0
    assert iam.shape_for("roleDescriptionType").metadata["pattern"].endswith("]*")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (name, path)
        for name, path, annotation in CASES
        if path[-1] != 0 and not typing.is_typeddict(unwrapped(annotation))
    ],
    ids=lambda value: str(value)[:60],
)
def test_misspelt_key_is_rejected_with_a_suggestion(name, path, validation_error):
    """A key with an additional letter is rejected with the suggestion of the right key."""
    index, place = where(name, path)
    *above, key = place
    parent = at(sample(name, index), tuple(above))
    misspelt = {(f"{old}{old[-1]}" if old == key else old): value for old, value in parent.items()}
    error = validation_error(name, changed(sample(name, index), tuple(above), misspelt))
    assert error is not None
    meant = [problem for problem in error.problems if problem.input == written((*above, f"{key}{key[-1]}"))]
    assert [problem.fix for problem in meant] == [f"did you mean {key}?"]


@pytest.mark.parametrize(("name", "index"), [(name, index) for name in SAMPLES for index in range(len(SAMPLES[name]))])
def test_unknown_inputs_are_not_rejected(name, index):
    """With every Input unknown, as in the first preview of a program, nothing is rejected and nothing raises."""

    def args():
        found = sample(name, index)
        for path, annotation in keys(shape_of(COMPONENTS[name])):
            if annotation in {pulumi.Input[str], pulumi.Input[int], pulumi.Input[bool]}:
                for place in places(found, path):
                    found = changed(found, place, pulumi.Output.from_input(pulumi.output.UNKNOWN))
        return found

    deployment = declare(name, args, preview=True)
    assert any(resource.kind == name for resource in deployment.resources)
