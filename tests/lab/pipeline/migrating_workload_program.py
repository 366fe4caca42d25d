"""Program with a workload whose identity mode is a setting, on a cluster with the Pod Identity Agent."""

import pulumi

from eks_identity import Cluster, OidcProvider, WorkloadIdentity

config = pulumi.Config()
cluster = Cluster("main", {"name": config.require("cluster")})
provider = OidcProvider("main", {"issuer": cluster.issuer})
WorkloadIdentity(
    "app",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "app",
        "role_name": "migrate-app",
        "mode": config.require("mode"),
        "oidc_provider_arn": provider.arn,
        "statements": [{"actions": ["s3:GetObject"], "resources": ["*"]}],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
