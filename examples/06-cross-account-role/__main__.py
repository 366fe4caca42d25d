"""The pods of one service account may read a bucket of another account, by EKS Pod Identity and its target roles."""

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})
there = aws.Provider("there", profile=config.require("profile"), region=cluster.region)
account = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=there)).account_id
in_other_account = pulumi.ResourceOptions(provider=there)

bucket = aws.s3.Bucket("bucket", bucket=config.require("bucket"), force_destroy=True, opts=in_other_account)

reader: eks.SubjectArgs = {"namespace": "default", "name": "reader"}
target = "reader-there"

# Each of the two roles names the other. The first only permits, so it may name one that is not made yet.
here = eks.PodIdentityRole(
    "here",
    {
        "cluster_arns": [cluster.arn],
        "subjects": [reader],
        "assume_role_arns": [pulumi.Output.format("arn:{0}:iam::{1}:role/{2}", cluster.partition, account, target)],
    },
)
role = eks.ChainedRole(
    "there",
    {
        "role_name": target,
        "trusted_role_arns": [here.arn],
        "cluster_arns": [cluster.arn],
        "subjects": [reader],
        "statements": [
            {"actions": ["s3:ListBucket"], "resources": [bucket.arn]},
            {"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]},
        ],
    },
    in_other_account,
)
eks.WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": reader["namespace"],
        "service_account": reader["name"],
        "mode": "pod-identity",
        "role_arn": here.arn,
        "target_role_arn": role.arn,
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("role_arn", role.arn)
