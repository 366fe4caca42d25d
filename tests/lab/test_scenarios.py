"""All scenarios, end to end: the steps of the demo as tests, in their order."""

import pytest

from lab.scenarios.clients import LabClients
from lab.scenarios.runner import STEPS, prepare

pytestmark = pytest.mark.xdist_group("scenarios")


@pytest.fixture(scope="module")
def clients(fresh_lab, tools):
    """The clients of a new lab with the resources that exist before the scenarios."""
    with fresh_lab() as home:
        clients = LabClients(home, tools.bin)
        prepare(clients)
        yield clients


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_scenario_step(step, clients):
    """The client's result is the expected one."""
    assert step.run(clients) == step.expected
