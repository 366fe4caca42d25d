"""Conversion of Pulumi property values to Python values and back."""

import copy
import json
import pickle

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import Computed, PropertyValue, ResourceReference
from pulumi.runtime import rpc

from lab.plugins.values import (
    UNKNOWN,
    Properties,
    UnsupportedValueError,
    contains_unknown,
    dotted,
    parse_path,
    plain,
    redacted,
    unknown_paths,
)

KEYS = st.text(min_size=1, max_size=8).filter(lambda key: key != "4dabf18193072939515e22adb298388d")
LEAVES = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**53), 2**53).map(float)
    | st.text(max_size=8)
    | st.just(rpc.UNKNOWN)
)


def marked(values):
    """Return strategies of `values`, secret or not, with and without dependencies."""
    urns = st.frozensets(st.sampled_from(["urn:a", "urn:b"]), max_size=2)
    return st.builds(PropertyValue, values, st.booleans(), urns)


TREES = st.recursive(
    marked(LEAVES),
    lambda inner: marked(st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, TREES, max_size=4)


@given(DOCUMENTS)
def test_property_values_round_trip(document):
    """Values, unknowns, secrets and dependencies of the engine are unchanged after a conversion and back."""
    assert Properties.from_wire(document).to_wire() == document


@given(DOCUMENTS)
def test_property_values_round_trip_serialized(document):
    """The round trip also holds for serialized values."""
    sent = PropertyValue.unmarshal_map(PropertyValue.marshal_map(Properties.from_wire(document).to_wire()))
    assert sent == PropertyValue.unmarshal_map(PropertyValue.marshal_map(document))


@given(DOCUMENTS)
def test_plain_values_are_json(document):
    """Plain values are JSON values, and whole numbers are integers."""
    values = plain(document)
    if not contains_unknown(values):
        assert json.loads(json.dumps(values)) == values

    def numbers(value):
        if isinstance(value, dict):
            return [number for item in value.values() for number in numbers(item)]
        if isinstance(value, list):
            return [number for item in value for number in numbers(item)]
        return [value] if isinstance(value, float) else []

    assert not any(number.is_integer() for number in numbers(values))


@pytest.mark.parametrize("value", [Computed(), rpc.UNKNOWN, "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"])
def test_unknown_values_become_unknown(value):
    """Every encoding of an unknown value becomes UNKNOWN at its path."""
    values = plain({"a": PropertyValue([PropertyValue({"b": PropertyValue(value)})])})
    assert values["a"][0]["b"] is UNKNOWN
    assert list(unknown_paths(values)) == [("a", 0, "b")]


def test_unknown_is_a_singleton_without_truth_value():
    """UNKNOWN remains the same object after a copy, and has no truth value."""
    assert copy.deepcopy({"a": UNKNOWN})["a"] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN  # noqa: S301 - its own pickle
    with pytest.raises(TypeError, match="test it with `is UNKNOWN` first"):
        bool(UNKNOWN)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(pulumi.StringAsset("x"), "asset"), (pulumi.AssetArchive({"a": pulumi.StringAsset("x")}), "archive")],
)
def test_assets_are_rejected(value, kind):
    """An asset or archive is rejected with its path."""
    with pytest.raises(UnsupportedValueError, match=rf"the property a\.b\[0\] is an {kind}"):
        plain({"a": PropertyValue({"b": PropertyValue([PropertyValue(value)])})})


def test_resource_references():
    """A resource reference becomes its id, UNKNOWN without an id, or the URN of a component."""
    values = plain(
        {
            "made": PropertyValue(ResourceReference("urn:a", PropertyValue("id-1"))),
            "to come": PropertyValue(ResourceReference("urn:b", PropertyValue(rpc.UNKNOWN))),
            "component": PropertyValue(ResourceReference("urn:c")),
        },
    )
    assert values == {"made": "id-1", "to come": UNKNOWN, "component": "urn:c"}


def test_outputs_keep_the_secrets_of_inputs():
    """Outputs keep the secrets of inputs; a list with a secret is secret as a whole, because its order may change."""
    inputs = Properties({}, frozenset({("data", "a"), ("spec", "env", 0, "value")}))
    outputs = Properties({"data": {"a": "1", "b": "2"}, "spec": {"env": [{"value": "other"}, {"value": "1"}]}})
    sent = outputs.with_secrets_of(inputs).to_wire()
    assert sent["data"].value["a"].is_secret
    assert not sent["data"].value["b"].is_secret
    assert sent["spec"].value["env"].is_secret


@given(st.lists(st.text(st.characters(exclude_characters="*"), min_size=1) | st.integers(0, 99), min_size=1))
def test_property_paths_round_trip(path):
    """A formatted property path is parsed to the same path."""
    path = tuple(path)
    assert parse_path(dotted(path)) == path


def test_redacted_document_has_no_secrets():
    """A redacted document contains no secret values."""
    document = {"a": {"b": "1"}, "c": ["2"]}
    assert redacted(document, {("a", "b"), ("c",)}) == {"a": {"b": "[secret]"}, "c": "[secret]"}


def test_invalid_property_value_is_reported_with_its_path():
    """A value that cannot be sent raises an error with its path."""
    with pytest.raises(TypeError, match=r"a\.b is a set"):
        Properties({"a": {"b": {1}}}).to_wire()
