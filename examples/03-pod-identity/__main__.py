"""Pods of one service account can read one bucket, by IRSA or by EKS Pod Identity."""

import pulumi
import pulumi_aws as aws

from eks_identity import Cluster, OidcProvider, WorkloadIdentity

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})
provider = OidcProvider("provider", {"issuer": cluster.issuer})
bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True)

reader = WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reader",
        "mode": config.get("mode") or "pod-identity",
        # Required for IRSA. With Pod Identity it keeps the role's trust in pods that still run with an IRSA token.
        "oidc_provider_arn": provider.arn,
        "statements": [
            {"actions": ["s3:ListBucket"], "resources": [bucket.arn]},
            {"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]},
        ],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("role_arn", reader.role_arn)
