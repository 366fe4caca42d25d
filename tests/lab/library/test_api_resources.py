"""The library's table of Kubernetes API groups and resources, compared with an API server."""

from eks_identity.model.api_resources import RESOURCES
from lab.interfaces import AuthenticationMode
from support.access_program import Cluster


def test_api_resources_equal_kubectl_api_resources(running_lab, tools, tmp_path):
    """The table that validates the resources of rules equals the output of `kubectl api-resources`."""
    cluster = Cluster(running_lab, tools, "irsa", AuthenticationMode.API, tmp_path)
    printed = cluster.kubectl("api-resources", "--no-headers", "--output", "name").stdout.split()
    resources: dict[str, set[str]] = {}
    for line in printed:
        name, _, group = line.partition(".")
        resources.setdefault(group, set()).add(name)
    assert resources == dict(RESOURCES)
