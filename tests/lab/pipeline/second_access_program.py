"""Program with one more access entry to a cluster, which another stack declares access to."""

import pulumi
import pulumi_aws as aws

cluster = pulumi.Config().require("cluster")
user = aws.iam.User("second", name=f"{cluster}-second")
entry = aws.eks.AccessEntry("second", cluster_name=cluster, principal_arn=user.arn, kubernetes_groups=["readers"])
