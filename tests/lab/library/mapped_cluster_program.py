"""Program with a new cluster in mode CONFIG_MAP, protected by the config."""

import pulumi
import pulumi_kubernetes as k8s

import eks_identity as eks

size = {"desired_size": 1, "min_size": 1, "max_size": 1}
cluster = eks.Cluster(
    "mapped",
    {
        "name": "mapped",
        "create": {"authentication_mode": "CONFIG_MAP"},
        "node_groups": {"main": {"scaling_config": size}},
    },
    pulumi.ResourceOptions(protect=pulumi.Config().get_bool("protect") is True),
)
k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=pulumi.ResourceOptions(provider=cluster.provider))
pulumi.export("kubeconfig", cluster.kubeconfig)
