"""The pods of one service account may read one bucket: by EKS Pod Identity, or first by IRSA and then switched."""

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})
provider = eks.OidcProvider("provider", {"issuer": cluster.issuer})
bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True)

reader = eks.WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reader",
        "mode": config.get("mode") or "pod-identity",
        # Only IRSA needs it. Given with Pod Identity too, the role goes on trusting pods that run since before.
        "oidc_provider_arn": provider.arn,
        "statements": [
            {"actions": ["s3:ListBucket"], "resources": [bucket.arn]},
            {"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]},
        ],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("role_arn", reader.role_arn)
