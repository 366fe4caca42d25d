"""Property values as plain Python, and back."""

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
    """Any of `values`, secret or not, with dependencies or not."""
    urns = st.frozensets(st.sampled_from(["urn:a", "urn:b"]), max_size=2)
    return st.builds(PropertyValue, values, st.booleans(), urns)


TREES = st.recursive(
    marked(LEAVES),
    lambda inner: marked(st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, TREES, max_size=4)


@given(DOCUMENTS)
def test_round_trip(document):
    """Whatever the engine sends comes back as it was: values, unknowns, secrets and dependencies."""
    assert Properties.from_wire(document).to_wire() == document


@given(DOCUMENTS)
def test_over_the_wire(document):
    """The round trip holds for what truly goes over the wire."""
    sent = PropertyValue.unmarshal_map(PropertyValue.marshal_map(Properties.from_wire(document).to_wire()))
    assert sent == PropertyValue.unmarshal_map(PropertyValue.marshal_map(document))


@given(DOCUMENTS)
def test_plain_values_are_json(document):
    """The plain form is made of what JSON can say, and whole numbers are integers."""
    values = plain(document)
    if not contains_unknown(values):
        assert json.loads(json.dumps(values)) == values

    def numbers(value):
        if isinstance(value, dict):
            return [found for item in value.values() for found in numbers(item)]
        if isinstance(value, list):
            return [found for item in value for found in numbers(item)]
        return [value] if isinstance(value, float) else []

    assert not any(number.is_integer() for number in numbers(values))


@pytest.mark.parametrize("value", [Computed(), rpc.UNKNOWN, "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"])
def test_unknown(value):
    """Every way to say unknown is UNKNOWN, at its place."""
    values = plain({"a": PropertyValue([PropertyValue({"b": PropertyValue(value)})])})
    assert values["a"][0]["b"] is UNKNOWN
    assert list(unknown_paths(values)) == [("a", 0, "b")]


def test_unknown_is_one_and_has_no_truth():
    """UNKNOWN stays itself when copied, and cannot be taken for false."""
    assert copy.deepcopy({"a": UNKNOWN})["a"] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN  # noqa: S301 - its own pickle
    with pytest.raises(TypeError, match="test it with `is UNKNOWN` first"):
        bool(UNKNOWN)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(pulumi.StringAsset("x"), "asset"), (pulumi.AssetArchive({"a": pulumi.StringAsset("x")}), "archive")],
)
def test_assets_are_refused(value, kind):
    """An asset or archive is refused, with its path."""
    with pytest.raises(UnsupportedValueError, match=rf"the property a\.b\[0\] is an {kind}"):
        plain({"a": PropertyValue({"b": PropertyValue([PropertyValue(value)])})})


def test_resource_references():
    """A reference to a resource is its id; UNKNOWN as long as it has none; its URN for a component."""
    values = plain(
        {
            "made": PropertyValue(ResourceReference("urn:a", PropertyValue("id-1"))),
            "to come": PropertyValue(ResourceReference("urn:b", PropertyValue(rpc.UNKNOWN))),
            "component": PropertyValue(ResourceReference("urn:c")),
        },
    )
    assert values == {"made": "id-1", "to come": UNKNOWN, "component": "urn:c"}


def test_secrets_are_carried_over():
    """Outputs keep the secrets of inputs; in a list, whose order may change, the list as a whole is secret."""
    inputs = Properties({}, frozenset({("data", "a"), ("spec", "env", 0, "value")}))
    outputs = Properties({"data": {"a": "1", "b": "2"}, "spec": {"env": [{"value": "other"}, {"value": "1"}]}})
    sent = outputs.with_secrets_of(inputs).to_wire()
    assert sent["data"].value["a"].is_secret
    assert not sent["data"].value["b"].is_secret
    assert sent["spec"].value["env"].is_secret


@given(st.lists(st.text(st.characters(exclude_characters="*"), min_size=1) | st.integers(0, 99), min_size=1))
def test_paths(path):
    """A path that is written down reads back as it was."""
    path = tuple(path)
    assert parse_path(dotted(path)) == path


def test_redacted():
    """A message can show a document without its secrets."""
    document = {"a": {"b": "1"}, "c": ["2"]}
    assert redacted(document, {("a", "b"), ("c",)}) == {"a": {"b": "[secret]"}, "c": "[secret]"}


def test_what_is_no_property_value_is_named():
    """A value that cannot be sent is a fault of the plugin, which says where it is."""
    with pytest.raises(TypeError, match=r"a\.b is a set"):
        Properties({"a": {"b": {1}}}).to_wire()
