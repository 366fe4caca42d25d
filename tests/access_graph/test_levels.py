"""The bound of nested lists and maps in the documents of a source."""

import json

import pytest

from eks_access.graph.aws_objects import IamPrincipal
from eks_access.sources.levels import MAX_LEVELS, has_more_levels


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}"), ('["",{"y":1,"x":', "}]")])
@pytest.mark.parametrize("innermost", ["[]", "[1]", '{"x": null}'])
def test_document_has_more_levels_only_beyond_the_bound(opening, closing, innermost):
    """The innermost list or map is a level, whether or not it has items."""
    nested = opening.count("[") + opening.count("{")
    for levels, expected in ((MAX_LEVELS, False), (MAX_LEVELS + 1, True), (5 * MAX_LEVELS, True)):
        count, rest = divmod(levels - 1, nested)
        text = "[" * rest + opening * count + innermost + closing * count + "]" * rest
        assert has_more_levels(json.loads(text)) is expected


def test_document_of_an_object_of_the_graph_has_levels():
    """Objects of a snapshot contain documents: the object and the map around this one are two levels more."""
    deep = json.loads("[" * MAX_LEVELS + "]" * MAX_LEVELS)
    for document, expected in ((deep[0], True), (deep[0][0], False)):
        principal = IamPrincipal("arn:aws:iam::123456789012:role/app", trust_policy={"Statement": document})
        assert has_more_levels(principal) is expected


@pytest.mark.parametrize("value", ["x", 1, None, {}, []])
def test_value_without_items_is_within_the_levels(value):
    assert not has_more_levels(value)
