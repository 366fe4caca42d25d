"""Access to the pods of a cluster for one IAM user, by aws-auth."""

import pulumi

from eks_identity import Cluster, ClusterAccess

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})

ClusterAccess(
    "operators",
    {
        "cluster": cluster.connection,
        "group": "operators",
        "rbac_roles": [
            {
                "name": "pod-reader",
                "binding_name": "pod-reader-operators",
                "rules": [{"resources": ["pods"], "verbs": ["get", "watch", "list"]}],
            }
        ],
        "principals": [{"arn": config.require("principal")}],
        "access_method": "aws-auth",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
