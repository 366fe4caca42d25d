"""Which resources each API group has, as a real API server says it."""

from lab_program import Cluster

from eks_identity.model.api_resources import RESOURCES
from lab.interfaces import AuthenticationMode


def test_the_groups_are_those_of_an_api_server(running_lab, tools, tmp_path):
    """What is refused of a rule's resources is refused by what `kubectl api-resources` prints."""
    cluster = Cluster(running_lab, tools, "irsa", AuthenticationMode.API, tmp_path)
    printed = cluster.kubectl("api-resources", "--no-headers", "--output", "name").stdout.split()
    there: dict[str, set[str]] = {}
    for resource in printed:
        name, _, group = resource.partition(".")
        there.setdefault(group, set()).add(name)
    assert there == dict(RESOURCES)
