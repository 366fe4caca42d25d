"""The eks stand-in's arguments and outputs against pulumi_eks's own."""

import inspect

import pulumi_eks as eks
import pytest
from pulumi.provider.experimental.util import camel_case

from lab.plugins.eks import options
from lab.plugins.eks.children import CNI_COVERED
from lab.plugins.eks.kubeconfig import kubeconfig

ARGUMENTS = {
    "Cluster": (eks.ClusterArgs, options.CLUSTER_COVERED, options.CLUSTER_NOT_COVERED),
    "ManagedNodeGroup": (eks.ManagedNodeGroupArgs, options.NODE_GROUP_COVERED, options.NODE_GROUP_NOT_COVERED),
}


def names(arguments):
    found = {camel_case(name) for name in list(inspect.signature(arguments.__init__).parameters)[1:]}
    return {"enableIMDSv2" if name == "enableImdSv2" else name for name in found}


@pytest.mark.parametrize("component", sorted(ARGUMENTS))
def test_every_argument_is_covered_or_refused_with_a_reason(component):
    """No argument of the SDK is unknown, and none is taken that the SDK lacks."""
    arguments, covered, refused = ARGUMENTS[component]
    assert covered | refused.keys() == names(arguments)
    assert not covered & refused.keys()
    assert all(refused.values())


def test_options_of_the_cni_are_the_sdks():
    """What is taken of the VPC CNI's options is among the SDK's."""
    assert names(eks.VpcCniOptionsArgs) > CNI_COVERED


def test_a_kubeconfig_names_region_role_and_profile():
    """The exec plugin's arguments are those that the official component writes."""
    cluster = {
        "name": "clu",
        "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/clu",
        "endpoint": "https://example.com",
        "certificateAuthority": {"data": "QQ=="},
    }
    user = kubeconfig(cluster, "arn:role", "team")["users"][0]["user"]["exec"]
    expected = ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "clu", "--output", "json"]
    assert user["args"] == [*expected, "--role", "arn:role", "--profile", "team"]
    assert user["apiVersion"] == "client.authentication.k8s.io/v1beta1"
