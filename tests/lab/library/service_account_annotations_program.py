"""Program with workloads and roles that have their own audiences and token options."""

import json

import pulumi

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

cluster = eks.Cluster("clu", {"name": config["cluster"]})
provider = eks.OidcProvider("clu", {"issuer": cluster.issuer, "audiences": config["audiences"]})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
for name, settings in config["workloads"].items():
    eks.WorkloadIdentity(
        name,
        {
            "cluster": cluster.connection,
            "namespace": "default",
            "service_account": name,
            "role_name": name,
            "oidc_provider_arn": provider.arn,
            **settings,
        },
        on_cluster,
    )
for name, settings in config["roles"].items():
    eks.IrsaRole(name, {"role_name": name, "oidc_provider_arns": [provider.arn], **settings})
