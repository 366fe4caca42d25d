"""`collect_outputs`: one Output for a value with Outputs in it."""

from typing import Any

import pulumi

from eks_identity.runtime.outputs import collect_outputs
from eks_identity.testing import deploy


def test_collect_outputs_rebuilds_the_value():
    """The rebuilt value has plain values and results at their places, in lists and mappings too."""
    expected = {"plain": [1, None, "a"], "late": ["b", {"deep": "c"}], "other": "d"}

    def program() -> pulumi.Output[Any]:
        b, c, d = map(pulumi.Output.from_input, "bcd")
        late, filled = collect_outputs({"plain": [1, None, "a"], "late": [b, {"deep": c}], "other": d})
        return late.apply(filled)

    assert deploy(program).value == expected


def test_collect_outputs_returns_a_single_output_itself():
    """For a value with a single Output, that Output is returned."""

    def program() -> pulumi.Output[Any]:
        role = pulumi.Output.from_input("role")
        late, filled = collect_outputs([{"plain": 1}, role])
        assert late is role
        return late.apply(filled)

    assert deploy(program).value == [{"plain": 1}, "role"]


def test_collect_outputs_shares_the_output_of_the_same_outputs():
    """Components with the same Outputs share one Output; others have their own."""

    def program() -> None:
        one, other, third = (pulumi.Output.from_input(text) for text in ("a", "b", "c"))
        assert collect_outputs([one, other, 1])[0] is collect_outputs({"x": one, "y": other})[0]
        assert collect_outputs([one, third])[0] is not collect_outputs([one, other])[0]

    deploy(program)


def test_collect_outputs_keeps_secrets():
    """The Output is a secret if one of the Outputs is."""

    def program() -> pulumi.Output[Any]:
        late, _ = collect_outputs([pulumi.Output.secret("a"), pulumi.Output.from_input("b")])
        return pulumi.Output.from_input(late.is_secret())

    assert deploy(program).value is True
