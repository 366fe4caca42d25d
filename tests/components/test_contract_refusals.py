"""Every input of every component that can be wrong is refused, in the house's form, before anything is registered."""

import asyncio
import itertools
import typing
from typing import Any

import botocore.session
import pulumi
import pytest
from contract import declare, sample
from samples import COMPONENTS, SAMPLES, at, changed, keys, places, shape_of, written

from eks_identity.runtime.inputs import InvalidInputError

NOTHING = object()

WRONG: dict[type, list[Any]] = {
    str: [None, 7, True, ["x"], {"x": "x"}],
    bool: [None, "false", 1, []],
    int: [None, "600", True, [], 0, -1, 0.5],
}
"""By what an input takes: values of every other type."""
NOT_ARNS = ["nonsense", "arn:aws:s3", "arn:aws:ec2:ap-northeast-1:111122223333:instance/i-1"]

MAY_BE_EMPTY = {
    "annotations": "Kubernetes: the value of an annotation is any text",
    "api_groups": "Kubernetes: the core group's name is empty",
    "description": "IAM: the pattern of roleDescriptionType matches no character too",
    "labels": "Kubernetes: the value of a label may be empty",
    "tags": "IAM: tagValueType has at least 0 characters",
    "values": "IAM: s3:prefix is empty at the root of a bucket, so StringEquals compares to that",
}
"""Inputs whose empty string says something, by whose rule; each of them is taken, or this list is wrong."""


def unwrapped(annotation):
    """What an annotation takes, without NotRequired and Input."""
    while typing.get_origin(annotation) in {typing.NotRequired, typing.Union} or isinstance(
        annotation, type(int | str)
    ):
        annotation = typing.get_args(annotation)[0]
    return annotation


def key_of(path):
    """The last key of a path: what its value is called."""
    return next(str(step) for step in reversed(path) if isinstance(step, str))


def wrong(path, annotation):
    """Values that are wrong at `path`, by the type and by the name of its key."""
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


class Registering(BaseException):
    """A component got as far as its registration. No `except` of its own may stop this."""


@pytest.fixture
def refusal(monkeypatch):
    """Whether a component refuses plain args, without any deployment: it must before it registers itself."""

    def registering(*_args, **_options):
        raise Registering

    monkeypatch.setattr(pulumi.Resource, "__init__", registering)

    async def constructed(name, args):
        try:
            COMPONENTS[name]("thing", args)
        except InvalidInputError as refused:
            return refused
        except Registering:
            return None
        raise AssertionError(f"{name} registers nothing")

    return lambda name, args: asyncio.run(constructed(name, args))


def about(problem, place):
    """Whether a problem is about an input, what is in it, or what it is in."""
    one, other = problem.input, written(place)
    return one.startswith(other) or other.startswith(one) or one.replace("the name ", "").startswith("'x'")


def everywhere(name, path):
    """Each sample that has something at `path`, and each place of it there."""
    found = [(index, place) for index, args in enumerate(SAMPLES[name]) for place in places(args, path)]
    assert found, f"no sample of {name} has {path}"
    return found


def where(name, path):
    """The first of them."""
    return everywhere(name, path)[0]


@pytest.mark.parametrize(("name", "path", "annotation"), CASES, ids=lambda value: str(value)[:60])
def test_a_wrong_value_is_refused(name, path, annotation, refusal):
    """A value of another type, an empty one, or an ARN of something else: the refusal says where, rule, value, fix.

    It comes before anything is registered.
    """
    accepted = []
    for (index, place), value in itertools.product(everywhere(name, path), wrong(path, annotation)):
        refused = refusal(name, changed(sample(name, index), place, value))
        if refused is None:
            accepted.append((written(place), value))
            continue
        said = str(refused)
        assert said.startswith(f'{name} "thing": '), said
        concerned = [problem for problem in refused.problems if about(problem, place)]
        assert concerned, f"{written(place)} = {value!r}: {said}"
        for problem in concerned:
            assert problem.rule
            assert problem.fix
            assert f"rule: {problem.rule}" in said
            assert f"fix:  {problem.fix}" in said
    assert not accepted, f"{name} takes {accepted}"


LATE = [
    (name, path)
    for name, path, annotation in CASES
    if annotation == pulumi.Input[str] and key_of(path) not in MAY_BE_EMPTY
]


@pytest.mark.parametrize(("name", "path"), LATE, ids=lambda value: str(value)[:60])
def test_a_wrong_output_is_refused_when_it_is_known(name, path):
    """An empty value that arrives as an Output is refused in the preview too, in the same form."""
    index, place = where(name, path)
    with pytest.raises(InvalidInputError) as refused:
        declare(name, lambda: changed(sample(name, index), place, pulumi.Output.from_input("")), preview=True)
    assert str(refused.value).startswith(f'{name} "thing": ')
    assert any(about(problem, place) for problem in refused.value.problems), str(refused.value)


EMPTY = [
    (name, path, "" if unwrapped(annotation) is str else {"x": ""})
    for name, path, annotation in CASES
    if key_of(path) in MAY_BE_EMPTY and typing.get_origin(unwrapped(annotation)) is not list
]


@pytest.mark.parametrize(("name", "path", "empty"), EMPTY, ids=lambda value: str(value)[:60])
def test_an_empty_value_that_says_something_is_taken(name, path, empty, refusal):
    """What is not refused as empty is really taken, so that no exemption outlives its reason."""
    index, place = where(name, path)
    assert refusal(name, changed(sample(name, index), place, empty)) is None


def test_each_exemption_is_needed():
    """Each input that may be empty is an input of some component; the rules of IAM are those of its own model."""
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
def test_a_misspelt_key_is_refused(name, path, refusal):
    """A key with a letter too many is not ignored: the refusal asks whether the right one was meant."""
    index, place = where(name, path)
    *above, key = place
    parent = at(sample(name, index), tuple(above))
    misspelt = {(f"{old}{old[-1]}" if old == key else old): value for old, value in parent.items()}
    refused = refusal(name, changed(sample(name, index), tuple(above), misspelt))
    assert refused is not None
    meant = [problem for problem in refused.problems if problem.input == written((*above, f"{key}{key[-1]}"))]
    assert [problem.fix for problem in meant] == [f"did you mean {key}?"]


@pytest.mark.parametrize(("name", "index"), [(name, index) for name in SAMPLES for index in range(len(SAMPLES[name]))])
def test_nothing_is_refused_that_is_not_known_yet(name, index):
    """With every Input unknown, as in the first preview of everything, nothing is refused and nothing raises."""

    def args():
        found = sample(name, index)
        for path, annotation in keys(shape_of(COMPONENTS[name])):
            if annotation in {pulumi.Input[str], pulumi.Input[int], pulumi.Input[bool]}:
                for place in places(found, path):
                    found = changed(found, place, pulumi.Output.from_input(pulumi.output.UNKNOWN))
        return found

    deployment = declare(name, args, preview=True)
    assert any(resource.kind == name for resource in deployment.resources)
