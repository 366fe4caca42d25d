"""The program whose state each release stores in this folder: every component, on an existing cluster."""

import pulumi
import pulumi_aws as aws

from eks_identity import (
    Addon,
    AuthenticationModeMigration,
    AwsAuthMapping,
    ChainedRole,
    Cluster,
    ClusterAccess,
    IrsaRole,
    NodeIsolation,
    OidcProvider,
    PodIdentityRole,
    ServiceAccount,
    WorkloadIdentity,
)

cluster = Cluster("main", {"name": "irsa"})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
connection = cluster.connection
provider = OidcProvider("main", {"issuer": cluster.issuer})
user = aws.iam.User("user", name="stored-user")

ClusterAccess(
    "viewers",
    {
        "cluster": connection,
        "group": "stored-viewers",
        "rbac_roles": [{"name": "stored-viewer", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}],
        "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["default"]}],
        "principals": [{"arn": user.arn}],
    },
    on_cluster,
)
AwsAuthMapping(
    "role",
    {"kubeconfig": cluster.kubeconfig, "arn": "arn:aws:iam::123456789012:role/stored", "groups": ["stored"]},
)
AuthenticationModeMigration("mode", {"cluster": connection, "target_mode": "API"})
workload = {"cluster": connection, "namespace": "default", "policies": ["AmazonS3ReadOnlyAccess"]}
irsa = WorkloadIdentity(
    "irsa", {**workload, "service_account": "stored-irsa", "oidc_provider_arn": provider.arn}, on_cluster
)
WorkloadIdentity("pods", {**workload, "service_account": "stored-pods", "mode": "pod-identity"}, on_cluster)
shared = IrsaRole(
    "shared",
    {
        "oidc_provider_arns": [provider.arn],
        "subjects": [{"namespace": "default", "name": "stored-shared"}],
        "statements": [{"actions": ["s3:ListAllMyBuckets"], "resources": ["*"]}],
    },
)
ServiceAccount("shared", {"namespace": "default", "name": "stored-shared", "role_arn": shared.arn}, on_cluster)
PodIdentityRole("agent", {"policies": ["AmazonS3ReadOnlyAccess"]})
ChainedRole("chained", {"trusted_role_arns": [irsa.role_arn], "policies": ["AmazonS3ReadOnlyAccess"]})
Addon(
    "driver",
    {"cluster": connection, "addon_name": "aws-ebs-csi-driver", "mode": "irsa", "oidc_provider_arn": provider.arn},
)
NodeIsolation("nodes", {"disk_size": 20})
