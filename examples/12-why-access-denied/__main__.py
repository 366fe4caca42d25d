"""Pods of one service account can read one bucket, by IAM roles for service accounts (IRSA)."""

import pulumi
import pulumi_aws as aws

from eks_identity import Cluster, OidcProvider, WorkloadIdentity

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})
provider = OidcProvider("provider", {"issuer": cluster.issuer})
bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True)

WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reader",
        "mode": "irsa",
        "role_name": "bucket-reader",
        "oidc_provider_arn": provider.arn,
        "statements": [
            {"actions": ["s3:ListBucket"], "resources": [bucket.arn]},
            {"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]},
        ],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
