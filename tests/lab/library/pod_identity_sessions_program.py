"""Program with the workloads of the config, and policies that are attached to their roles without the library."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

cluster = eks.Cluster("clu", {"name": config["cluster"]})
for name, settings in config["workloads"].items():
    irsa = {"oidc_provider_arn": config["provider"]} if settings.get("mode") == "irsa" else {}
    workload = eks.WorkloadIdentity(
        name,
        {
            "cluster": cluster.connection,
            "namespace": "default",
            "service_account": name,
            "role_name": name,
            "mode": "pod-identity",
            **irsa,
            **settings,
        },
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )
    if name in config["attached"]:
        aws.iam.RolePolicy(name, role=workload.role_name, policy=config["attached"][name])
