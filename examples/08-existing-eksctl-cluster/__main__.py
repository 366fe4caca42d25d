"""An existing cluster that eksctl created. Its OIDC provider, mappings and service account stay."""

import pulumi

from eks_identity import Cluster, ClusterAccess, OidcProvider, WorkloadIdentity

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})
provider = OidcProvider("provider", {"issuer": cluster.issuer, "adopt": True})

ClusterAccess(
    "viewers",
    {
        "cluster": cluster.connection,
        "group": "viewers",
        "rbac_roles": [{"name": "view"}],
        "principals": [{"arn": config.require("principal"), "username": "support"}],
        "access_method": "aws-auth",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

reports = WorkloadIdentity(
    "reports",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reports",
        "service_account_management": "adopt",
        "mode": "irsa",
        "oidc_provider_arn": provider.arn,
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("role_arn", reports.role_arn)
