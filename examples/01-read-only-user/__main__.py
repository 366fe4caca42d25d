"""An IAM user may look at the pods and nodes of a cluster, and at nothing else."""

import pulumi

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})

eks.ClusterAccess(
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
        "principals": [{"arn": config.require("person")}],
        "access_method": config.get("access_method") or "access-entry",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
