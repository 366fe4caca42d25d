"""Program with both identity chains on an existing cluster, and a secret where the access graph must not show it."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from eks_identity import AwsAuthMapping, Cluster, ClusterAccess, OidcProvider, WorkloadIdentity

config = pulumi.Config()
changed = config.get_bool("changed") or False
secret = config.require_secret("password")

cluster = Cluster("main", {"name": config.require("cluster")})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
connection = cluster.connection
provider = OidcProvider("main", {"issuer": cluster.issuer})

# Cluster access.
user = aws.iam.User("operator", name="renamed-operator" if changed else "graph-operator", path="/people/")
ClusterAccess(
    "operators",
    {
        "cluster": connection,
        "group": "graph-operators",
        "rbac_roles": [
            {
                "name": "graph-operator",
                "rules": [{"resources": ["pods"], "verbs": ["get"] if changed else ["get", "list"]}],
            }
        ],
        "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["web"]}],
        "principals": [{"arn": user.arn}, {"arn": config.require("viewer_arn")}],
    },
    on_cluster,
)
if not changed:
    AwsAuthMapping(
        "deployer", {"kubeconfig": cluster.kubeconfig, "arn": config.require("role_arn"), "groups": ["graph-operators"]}
    )
group = aws.iam.Group("people", name="graph-people")
aws.iam.GroupMembership("people", name="graph-people", group=group.name, users=[user.name])

# Workload identity.
workload = {"cluster": connection, "namespace": "default", "policies": ["AmazonS3ReadOnlyAccess"]}
bucket = secret.apply(lambda name: f"arn:aws:s3:::{name}/*")
irsa = WorkloadIdentity(
    "irsa",
    {
        **workload,
        "service_account": "graph-irsa",
        "role_name": "graph-irsa",
        "oidc_provider_arn": provider.arn,
        "statements": [{"actions": ["s3:ListAllMyBuckets"], "resources": ["*"]}],
    },
    on_cluster,
)
aws.iam.RolePolicy(
    "secret",
    name="secret",
    role=irsa.role_name,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": bucket}],
        }
    ),
)
pods = {"service_account": "graph-pods", "role_name": "graph-pods", "mode": "pod-identity"}
WorkloadIdentity("pods", {**workload, **pods}, on_cluster)

# Pods.
labels = {"app": "graph"}
container = {
    "name": "app",
    "image": "amazon/aws-cli",
    "env": [{"name": "AWS_REGION", "value": "ap-northeast-1"}, {"name": "PASSWORD", "value": secret}],
}
k8s.apps.v1.Deployment(
    "app",
    metadata={
        "name": "graph-app",
        "namespace": "default",
        "annotations": {"pulumi.com/skipAwait": "true", "example.com/secret": secret},
    },
    spec={
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": "graph-irsa", "containers": [container]},
        },
    },
    opts=pulumi.ResourceOptions(provider=cluster.provider),
)
