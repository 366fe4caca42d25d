"""A cluster that eksctl made, used as it is: its provider, its mappings and its service account stay."""

import pulumi

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})
provider = eks.OidcProvider("provider", {"issuer": cluster.issuer, "adopt": True})

eks.ClusterAccess(
    "viewers",
    {
        "cluster": cluster.connection,
        "group": "viewers",
        "rbac_roles": [{"name": "view"}],
        "principals": [{"arn": config.require("person"), "username": "support"}],
        "access_method": "aws-auth",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

reports = eks.WorkloadIdentity(
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
