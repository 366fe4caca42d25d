"""The reader of TypedDicts: fields, their types, their descriptions, and the TypedDicts below them."""

import typing
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
import pytest

from eks_identity.runtime.typed_dicts import descriptions, fields, without_qualifiers


class Leaf(TypedDict):
    value: pulumi.Input[str]


class Base(TypedDict):
    name: str
    """The name in the
    base."""
    undescribed: NotRequired[int]


class Args(Base, total=False):
    """Args."""

    leaf: Leaf
    leaves: list[Leaf]
    """Leaves in a list."""
    leaf_of: dict[str, Leaf]
    late: pulumi.Input[int]
    method: Literal["a", "b"]
    anything: Any


def test_fields_have_those_of_the_bases_first():
    """The order of the fields is that of the source, bases first."""
    names = ["name", "undescribed", "leaf", "leaves", "leaf_of", "late", "method", "anything"]
    assert list(fields(Args)) == names
    assert [field.name for field in fields(Args).values()] == names


def test_fields_are_required_as_the_typed_dict_declares_them():
    """`NotRequired` and `total=False` make a field optional, inherited fields too."""
    assert [name for name, field in fields(Args).items() if field.is_required] == ["name"]


def test_annotations_have_no_qualifiers_and_no_forward_references():
    """An annotation is the type of the value, resolved."""
    assert fields(Args)["undescribed"].annotation is int
    assert fields(Args)["leaves"].annotation == list[Leaf]
    assert "ForwardRef" not in repr(fields(Args)["late"].annotation)
    assert without_qualifiers(typing.Required[NotRequired[int]]) is int


@pytest.mark.parametrize(("name", "is_input"), [("late", True), ("method", False), ("leaf", False), ("name", False)])
def test_inputs_are_the_fields_that_may_be_outputs(name, is_input):
    """Only a `pulumi.Input` may be an Output."""
    assert fields(Args)[name].is_input is is_input


def test_descriptions_are_the_literals_below_the_fields():
    """A description has no indentation; a field without a literal has none; bases are read too."""
    assert descriptions(Args) == {"name": "The name in the\nbase.", "leaves": "Leaves in a list."}
    assert fields(Args)["leaf"].description is None
    assert fields(Args)["name"].description == "The name in the\nbase."


def test_nested_typed_dicts_are_found_in_lists_and_dicts():
    """The TypedDicts below a field are those of the value, of a list's items and of a dict's values."""
    nested = {name: field.nested for name, field in fields(Args).items() if field.nested}
    assert nested == {"leaf": (Leaf,), "leaves": (Leaf,), "leaf_of": (Leaf,)}


def test_fields_are_read_once():
    """A TypedDict is read once in a process."""
    assert fields(Args) is fields(Args)
    assert descriptions(Args) is descriptions(Args)
