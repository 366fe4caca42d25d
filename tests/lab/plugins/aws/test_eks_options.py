"""Arguments and kubeconfigs of the lab's eks plugin, compared with pulumi_eks."""

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
    camel_names = {camel_case(name) for name in list(inspect.signature(arguments.__init__).parameters)[1:]}
    return {"enableIMDSv2" if name == "enableImdSv2" else name for name in camel_names}


@pytest.mark.parametrize("component", sorted(ARGUMENTS))
def test_every_argument_is_supported_or_rejected_with_a_reason(component):
    """The plugin knows exactly the arguments of the SDK."""
    arguments, covered, rejected = ARGUMENTS[component]
    assert covered | rejected.keys() == names(arguments)
    assert not covered & rejected.keys()
    assert all(rejected.values())


def test_vpc_cni_options_are_options_of_the_sdk():
    """The supported options of the VPC CNI are options of the SDK."""
    assert names(eks.VpcCniOptionsArgs) > CNI_COVERED


def test_kubeconfig_has_region_role_and_profile():
    """The arguments of the exec plugin are those of the official component."""
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
