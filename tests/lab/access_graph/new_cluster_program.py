"""Program with a new cluster and both identity chains on it: a preview knows little of it."""

import pulumi
import pulumi_aws as aws

from eks_identity import Cluster, ClusterAccess, OidcProvider, WorkloadIdentity

subnets = aws.ec2.get_subnets().ids
cluster = Cluster(
    "new", {"create": {"authentication_mode": "API", "subnet_ids": subnets, "skip_default_node_group": True}}
)
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
provider = OidcProvider("new", {"issuer": cluster.issuer})
ClusterAccess(
    "viewers",
    {
        "cluster": cluster.connection,
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "principals": [{"arn": "arn:aws:iam::123456789012:user/people/graph-viewer"}],
    },
    on_cluster,
)
WorkloadIdentity(
    "irsa",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "graph-irsa",
        "oidc_provider_arn": provider.arn,
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
    on_cluster,
)
