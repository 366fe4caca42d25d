"""Access of IAM users to a cluster, declared in the settings that a pull request changes."""

import pulumi

from eks_identity import Cluster, ClusterAccess

config = pulumi.Config()

ClusterAccess(
    "readers",
    {
        "cluster": Cluster("cluster", {"name": config.require("cluster")}).connection,
        "access_policies": [{"policy": config.require("policy")}],
        "principals": [{"arn": arn} for arn in config.require_object("readers")],
        "access_method": "access-entry",
    },
)
