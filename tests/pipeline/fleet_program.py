"""Program with a cluster and access entries, as resources that need no provider. It waits or fails by the config."""

import pulumi
from wait import Wait

ACCOUNT = "123456789012"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

config = pulumi.Config()
if config.get_bool("broken"):
    raise ValueError("the program is broken on purpose")


def declare(kind, name, inputs):
    """Register a resource with these inputs, as `pulumi_aws` does for the engine."""
    pulumi.ComponentResource(f"aws:eks/{kind}", name, inputs)


arn = f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu"
declare("cluster:Cluster", "eks-clu", {"name": "eks-clu", "arn": arn, "accessConfig": {"authenticationMode": "API"}})
for user in config.get_object("administrators") or []:
    principal = {"clusterName": "eks-clu", "principalArn": f"arn:aws:iam::{ACCOUNT}:user/{user}"}
    declare("accessEntry:AccessEntry", user, {**principal, "userName": user, "kubernetesGroups": []})
    scope = {"policyArn": POLICY, "accessScope": {"type": "cluster"}}
    declare("accessPolicyAssociation:AccessPolicyAssociation", user, {**principal, **scope})
if config.get("until"):
    Wait("waits", config.get("until"), None)
if config.get("warning"):
    pulumi.log.warn(config.get("warning"))
pulumi.export("password", pulumi.Output.secret("s3cret"))
