"""Read-only access to the pods and nodes of a cluster for one IAM user."""

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
                "name": "test-clu-role",
                "binding_name": "test-clu-rolebinding",
                "rules": [{"resources": ["pods", "nodes"], "verbs": ["get", "watch", "list"]}],
            }
        ],
        "principals": [{"arn": config.require("principal")}],
        "access_method": config.get("access_method") or "access-entry",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
