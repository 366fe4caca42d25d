"""Program with lists of literals and Outputs: policies, principals, service accounts and groups."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

trust = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{config['account']}:root"},
            }
        ],
    }
)
document = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]}
)
policies = {
    name: aws.iam.Policy(f"p-{name}", name=name, path="/names/", policy=document) for name in config["policies"]
}
roles = {name: aws.iam.Role(f"r-{name}", name=name, assume_role_policy=trust) for name in config["roles"]}
accounts = {name: pulumi.Output.from_input(name).apply(str) for name in config["accounts"]}


def arn(resources, kind, path, item):
    name, form = item
    literal = f"arn:aws:iam::{config['account']}:{kind}{path}{name}"
    return literal if form == "plain" else resources[name].arn


def account(item):
    name, form = item
    return {"namespace": "default", "name": name if form == "plain" else accounts[name]}


cluster = eks.Cluster("clu", {"name": config["cluster"]})
on = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[*policies.values(), *roles.values()])
first, *more = [account(item) for item in config["service_accounts"]]
eks.WorkloadIdentity(
    "w",
    {
        "cluster": cluster.connection,
        "namespace": first["namespace"],
        "service_account": first["name"],
        "more_service_accounts": more,
        "mode": "pod-identity",
        "role_name": "names-w",
        "policies": [arn(policies, "policy", "/names/", item) for item in config["attached"]],
    },
    on,
)
eks.ClusterAccess(
    "a",
    {
        "cluster": cluster.connection,
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "principals": [{"arn": arn(roles, "role", "/", item)} for item in config["principals"]],
    },
    on,
)
viewer = {"name": "looker", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
for name, has_own_role in config["groups"].items():
    rbac_role = viewer if has_own_role else {"name": "view"}
    args = {"cluster": cluster.connection, "group": name, "rbac_roles": [rbac_role]}
    user = f"arn:aws:iam::{config['account']}:user/{name}"
    eks.ClusterAccess(name, {**args, "principals": [{"arn": user}]}, on)
