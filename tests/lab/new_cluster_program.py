"""Program with a new cluster, both access methods and a workload."""

import json

import pulumi
import pulumi_aws as aws

from eks_identity import Cluster, ClusterAccess, OidcProvider, WorkloadIdentity

trust = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
node = aws.iam.Role("node", name="new-node", assume_role_policy=json.dumps(trust))
cluster = Cluster(
    "new",
    {
        "name": "new",
        "create": {
            "authentication_mode": "API_AND_CONFIG_MAP",
            "skip_default_node_group": True,
            "instance_roles": [node],
        },
    },
)
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
rules = [{"resources": ["nodes"], "verbs": ["list"]}]
for method in ("aws-auth", "access-entry"):
    user = aws.iam.User(method, name=f"by-{method}", force_destroy=True)
    ClusterAccess(
        method,
        {
            "cluster": cluster.connection,
            "group": f"group-{method}",
            "access_method": method,
            "rbac_roles": [{"name": f"role-{method}", "rules": rules}],
            "principals": [{"arn": user.arn}],
        },
        on_cluster,
    )
provider = OidcProvider("new", {"issuer": cluster.issuer})
workload = WorkloadIdentity(
    "reader",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reader",
        "mode": "irsa",
        "oidc_provider_arn": provider.arn,
        "policies": ["AmazonS3ReadOnlyAccess"],
    },
    on_cluster,
)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("role", workload.role_arn)
