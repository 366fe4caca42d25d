"""Program that exports kubeconfigs of an existing cluster, with and without role and profile."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

cluster = eks.Cluster("clu", {"name": config["cluster"]})
role = aws.iam.Role(
    "operator",
    name=config["role"],
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": config["trusted"]}, "Action": "sts:AssumeRole"}],
        }
    ),
)
eks.ClusterAccess(
    "operators",
    {
        "cluster": cluster.connection,
        "group": "kube-operators",
        "principals": [{"arn": role.arn}],
        "rbac_roles": [{"name": "kube-operator", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
kinds = {"own": {}, "role": {"role_arn": role.arn}, "profile": {"profile": config["profile"]}}
kinds["both"] = {**kinds["role"], **kinds["profile"]}
for kind, options in kinds.items():
    pulumi.export(kind, eks.Cluster(kind, {"name": config["cluster"], **options}).kubeconfig)
