"""Program whose second update, with `changed`, takes access away, and replaces a role under the ARN of its entry."""

import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
changed = config.get_bool("changed") or False
cluster = config.require("cluster")
ACCOUNT = "arn:aws:iam::123456789012"
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [EC2]})


def role(name, **options):
    return aws.iam.Role(
        name,
        name=f"policies-{name}",
        assume_role_policy=TRUST,
        description="second" if changed else "first",
        opts=pulumi.ResourceOptions(**options),
    )


def entry(name, depends_on, **options):
    arn = f"{ACCOUNT}:role/policies-{name}"
    opts = pulumi.ResourceOptions(depends_on=[depends_on])
    return aws.eks.AccessEntry(name, cluster_name=cluster, principal_arn=arn, opts=opts, **options)


nodes, admin = role("nodes"), role("admin")
replaced = role("replaced", replace_on_changes=["description"], delete_before_replace=True)
entry("replaced", replaced, kubernetes_groups=["people"])
if not changed:
    entry("nodes", nodes, type="EC2_LINUX")
    aws.eks.AccessPolicyAssociation(
        "admin",
        cluster_name=cluster,
        principal_arn=entry("admin", admin).principal_arn,
        policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        access_scope={"type": "cluster"},
    )
