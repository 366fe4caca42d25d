"""Both stories, end to end: the same steps that the demo walks, each a test, in the order of the walk."""

import pytest

from lab.scenarios.clients import LabClients
from lab.scenarios.runner import STEPS, prepare

pytestmark = pytest.mark.xdist_group("stories")


@pytest.fixture(scope="module")
def world(fresh_lab, tools):
    """A lab of its own: the stories find things there that others made, and leave them."""
    with fresh_lab() as home:
        world = LabClients(home, tools.bin)
        prepare(world)
        yield world


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_step(step, world):
    """What the vendor's client shows is what the story says."""
    assert step.look(world) == step.expected
