"""Program that passes each component a provider, for `pulumi:disable-default-providers`."""

import json

import pulumi

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

own = pulumi.ProviderResource("aws", "own", {"region": "ap-northeast-1"}) if config.get("passed", True) else None
options = pulumi.ResourceOptions(providers=[own] if own else [])
cluster = eks.Cluster("both", {"name": config["cluster"]}, options)
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider, *([own] if own else [])])
provider = eks.OidcProvider("disabled", {"issuer": cluster.issuer, "adopt": config["adopt"]}, options)
eks.WorkloadIdentity(
    "disabled",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "disabled",
        "oidc_provider_arn": provider.arn,
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
    on_cluster,
)
eks.WorkloadIdentity(
    "disabled-pod-identity",
    {"cluster": cluster.connection, "namespace": "default", "service_account": "disabled-2", "mode": "pod-identity"},
    on_cluster,
)
eks.ClusterAccess(
    "disabled",
    {
        "cluster": cluster.connection,
        "group": "disabled",
        "rbac_roles": [{"name": "view"}],
        "access_method": "both",
        "principals": [{"arn": config["user"]}],
    },
    on_cluster,
)
eks.ClusterAccess(
    "adopted",
    {
        "cluster": cluster.connection,
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "adopt": True,
        "principals": [{"arn": config["user"] + "-2"}],
    },
    on_cluster,
)
