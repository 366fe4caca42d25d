"""Program with a new cluster, and Kubernetes objects and cluster access in it."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

import eks_identity as eks

cluster = eks.Cluster("planned", {"create": {"authentication_mode": "API_AND_CONFIG_MAP"}, "node_groups": {"main": {}}})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
k8s.core.v1.Namespace("team", metadata={"name": "team"}, opts=pulumi.ResourceOptions(provider=cluster.provider))
user = aws.iam.User("user", name="planned-user")
for access_method in ("aws-auth", "access-entry"):
    eks.ClusterAccess(
        access_method,
        {
            "cluster": cluster.connection,
            "group": f"team-{access_method}",
            "access_method": access_method,
            "rbac_roles": [{"name": f"team-{access_method}", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}],
            "principals": [{"arn": user.arn}],
        },
        on_cluster,
    )
