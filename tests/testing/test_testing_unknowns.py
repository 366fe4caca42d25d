"""What is unknown in a preview, as this library's providers see it: a program's tests and the engine say it alike."""

import pulumi
import pytest
from pulumi.output import Unknown
from pulumi.runtime import rpc

import eks_identity as eks
from eks_identity.runtime.dynamic_provider import changed, is_unknown
from eks_identity.testing import deploy


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"x": ["y", {"z": one}]}])
def test_an_unknown_value_is_known_as_one(wrap):
    """The engine's word for it, and the promise itself, wherever they are in a value."""
    assert is_unknown(wrap(rpc.UNKNOWN))
    assert is_unknown(wrap(Unknown()))
    assert not is_unknown(wrap("known"))
    assert not is_unknown(wrap(None))


def test_an_unknown_value_promises_no_change():
    """A preview does not announce a replacement that may not come."""
    assert changed({"a": "x", "b": "x"}, {"a": Unknown(), "b": "y"}, "a", "b") == ["b"]


def test_a_preview_hands_providers_what_is_unknown():
    """An ARN that is made in the same update: unknown in `deploy`'s preview, known in its update."""

    def program():
        made = eks.PodIdentityRole("ops", {})
        place = {"cluster_name": "eks-clu", "region": "ap-northeast-1"}
        eks.LockoutGuard("guard", {**place, "principals": [made.arn], "administrators": []})

    guards = {preview: deploy(program, preview=preview) for preview in (True, False)}
    principals = {
        preview: next(each.inputs for each in guard.resources if each.kind == "LockoutGuard")["principals"]
        for preview, guard in guards.items()
    }
    assert is_unknown(principals[True])
    assert principals[False][0].startswith("arn:aws:iam::")
    assert isinstance(pulumi.output.UNKNOWN, Unknown)
