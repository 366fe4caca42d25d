"""Values with Outputs in them."""

from typing import Any

import pulumi

from eks_identity.runtime.outputs import collect_outputs
from eks_identity.testing import deploy


def test_a_value_is_whole_again_once_its_outputs_are_known():
    """Plain values and Outputs come back where they were, lists and mappings around them too."""
    whole = {"plain": [1, None, "a"], "late": ["b", {"deep": "c"}], "other": "d"}

    def program() -> pulumi.Output[Any]:
        b, c, d = map(pulumi.Output.from_input, "bcd")
        late, filled = collect_outputs({"plain": [1, None, "a"], "late": [b, {"deep": c}], "other": d})
        return late.apply(filled)

    assert deploy(program).value == whole


def test_a_single_output_needs_no_other():
    """What holds one Output waits for that one, and no other is made."""

    def program() -> pulumi.Output[Any]:
        role = pulumi.Output.from_input("role")
        late, filled = collect_outputs([{"plain": 1}, role])
        assert late is role
        return late.apply(filled)

    assert deploy(program).value == [{"plain": 1}, "role"]


def test_the_same_outputs_are_gathered_once():
    """A thousand components with one cluster wait for one Output; others wait for their own."""

    def program() -> None:
        one, other, third = (pulumi.Output.from_input(text) for text in ("a", "b", "c"))
        assert collect_outputs([one, other, 1])[0] is collect_outputs({"x": one, "y": other})[0]
        assert collect_outputs([one, third])[0] is not collect_outputs([one, other])[0]

    deploy(program)


def test_secrets_stay_secret():
    """What is gathered with a secret is secret."""

    def program() -> pulumi.Output[Any]:
        late, _ = collect_outputs([pulumi.Output.secret("a"), pulumi.Output.from_input("b")])
        return pulumi.Output.from_input(late.is_secret())

    assert deploy(program).value is True
