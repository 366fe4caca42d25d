"""Unknown values in a preview, as the library's dynamic providers get them from `deploy` and from the engine."""

import pulumi
import pytest
from pulumi.output import Unknown
from pulumi.runtime import rpc

import eks_identity as eks
from eks_identity.runtime.dynamic_provider import changed_properties, has_unknowns
from eks_identity.testing import deploy


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"x": ["y", {"z": value}]}])
def test_is_unknown_finds_unknown_values(wrap):
    """The engine's constant and the SDK's `Unknown` are found at any depth."""
    assert has_unknowns(wrap(rpc.UNKNOWN))
    assert has_unknowns(wrap(Unknown()))
    assert not has_unknowns(wrap("resolved"))
    assert not has_unknowns(wrap(None))


def test_unknown_property_is_no_change():
    """A preview shows no replacement that may turn out unnecessary."""
    assert changed_properties({"a": "x", "b": "x"}, {"a": Unknown(), "b": "y"}, "a", "b") == ["b"]


def test_preview_passes_unknown_arns_to_providers():
    """The ARN of a role of the same program is unknown in a preview of `deploy` and resolved in its update."""

    def program():
        role = eks.PodIdentityRole("ops", {})
        cluster = {"cluster_name": "eks-clu", "region": "ap-northeast-1"}
        eks.LockoutGuard("guard", {**cluster, "principals": [role.arn], "administrators": []})

    guards = {preview: deploy(program, preview=preview) for preview in (True, False)}
    principals = {
        preview: next(resource.inputs for resource in guard.resources if resource.kind == "LockoutGuard")["principals"]
        for preview, guard in guards.items()
    }
    assert has_unknowns(principals[True])
    assert principals[False][0].startswith("arn:aws:iam::")
    assert isinstance(pulumi.output.UNKNOWN, Unknown)
