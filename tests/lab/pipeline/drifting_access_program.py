"""Program with a user who may read pods, by an access entry, and a workload with a role by Pod Identity."""

import pulumi
import pulumi_aws as aws

from eks_identity import Cluster, ClusterAccess, WorkloadIdentity

name = pulumi.Config().require("cluster")
cluster = Cluster("main", {"name": name})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
user = aws.iam.User("reader", name=f"{name}-reader")
ClusterAccess(
    "readers",
    {
        "cluster": cluster.connection,
        "group": "readers",
        "rbac_roles": [{"name": "reader", "rules": [{"resources": ["pods"], "verbs": ["get", "list"]}]}],
        "principals": [{"arn": user.arn}],
    },
    on_cluster,
)
WorkloadIdentity(
    "app",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "app",
        "role_name": f"{name}-app",
        "mode": "pod-identity",
        "statements": [{"actions": ["s3:GetObject"], "resources": ["*"]}],
    },
    on_cluster,
)
