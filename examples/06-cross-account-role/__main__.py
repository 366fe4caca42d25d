"""Pods of one service account can read a bucket of another account, by EKS Pod Identity with a target role."""

import pulumi
import pulumi_aws as aws

from eks_identity import ChainedRole, Cluster, PodIdentityRole, SubjectArgs, WorkloadIdentity

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})
target_account = aws.Provider("target-account", profile=config.require("profile"), region=cluster.region)
account = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=target_account)).account_id
in_other_account = pulumi.ResourceOptions(provider=target_account)

bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True, opts=in_other_account)

reader: SubjectArgs = {"namespace": "default", "name": "reader"}
target_role_name = "reader-target"

# Each role names the other. The source role's policy can name a target role that does not exist yet.
source = PodIdentityRole(
    "source",
    {
        "cluster_arns": [cluster.arn],
        "subjects": [reader],
        "assume_role_arns": [
            pulumi.Output.format("arn:{0}:iam::{1}:role/{2}", cluster.partition, account, target_role_name)
        ],
    },
)
target = ChainedRole(
    "target",
    {
        "role_name": target_role_name,
        "trusted_role_arns": [source.arn],
        "cluster_arns": [cluster.arn],
        "subjects": [reader],
        "statements": [
            {"actions": ["s3:ListBucket"], "resources": [bucket.arn]},
            {"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]},
        ],
    },
    in_other_account,
)
WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": reader["namespace"],
        "service_account": reader["name"],
        "mode": "pod-identity",
        "role_arn": source.arn,
        "target_role_arn": target.arn,
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("role_arn", target.arn)
