"""Program whose updates are killed: cluster access by both methods, RBAC and workloads.

Its setting `revision`, 0 or 1, changes, replaces, adds and removes resources.
"""

import json

import pulumi

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))
revision, account = config["revision"], "123456789012"
cluster = eks.Cluster("clu", {"name": config["cluster"]})
options = pulumi.ResourceOptions(providers=[cluster.provider])


def users(*names: str) -> list[dict[str, str]]:
    return [{"arn": f"arn:aws:iam::{account}:user/{config['cluster']}-{name}"} for name in names]


eks.ClusterAccess(
    "viewers",
    {
        "cluster": cluster.connection,
        "group": ["viewers", "readers"][revision],
        "principals": users("a", ["b", "c"][revision]),
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "rbac_roles": [{"name": "looker", "rules": [{"resources": ["nodes"], "verbs": [["list", "get"][revision]]}]}],
        "tags": {"revision": str(revision)},
    },
    options,
)
eks.ClusterAccess(
    "mapped",
    {
        "cluster": cluster.connection,
        "group": "mapped",
        "access_method": "aws-auth",
        "principals": users("m", ["n", "o"][revision]),
        "rbac_roles": [{"name": ["view", "edit"][revision], "namespace": "default"}],
    },
    options,
)
for name in ("cart", ("till", "stock")[revision]):
    eks.WorkloadIdentity(
        name,
        {
            "cluster": cluster.connection,
            "namespace": "default",
            "service_account": name,
            "mode": "pod-identity",
            # The role of "cart" is replaced: the engine creates the new one before it deletes the old one.
            "role_name": f"{config['cluster']}-{name}-role-{revision}",
            "policies": [["AmazonS3ReadOnlyAccess", "AmazonSQSReadOnlyAccess"][revision]],
        },
        options,
    )
