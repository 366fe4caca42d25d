"""A team's namespace, whole: who works in it, what its pods may do in AWS, and how much of everything there is."""

import pulumi
import pulumi_kubernetes as k8s

import eks_identity as eks

config = pulumi.Config()
team = config.require("team")

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})
namespace = k8s.core.v1.Namespace(team, metadata={"name": team}, opts=pulumi.ResourceOptions(provider=cluster.provider))
in_namespace = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[namespace])

k8s.core.v1.ResourceQuota(
    team,
    metadata={"name": team, "namespace": team},
    spec={"hard": {"pods": "10", "count/serviceaccounts": "5"}},
    opts=pulumi.ResourceOptions(provider=cluster.provider, depends_on=[namespace]),
)

eks.ClusterAccess(
    f"{team}-developers",
    {
        "cluster": cluster.connection,
        "group": f"{team}-developers",
        "rbac_roles": [
            # Kubernetes' own role, in this namespace alone; and a rule of the team's own beside it.
            {"name": "edit", "namespace": team},
            {
                "name": "make-tokens",
                "kind": "Role",
                "namespace": team,
                "rules": [{"resources": ["serviceaccounts/token"], "verbs": ["create"]}],
            },
        ],
        "principals": [{"arn": arn} for arn in config.require_object("developers")],
    },
    in_namespace,
)

eks.WorkloadIdentity(
    f"{team}-cart",
    {
        "cluster": cluster.connection,
        "namespace": team,
        "service_account": "cart",
        "mode": "pod-identity",
        # Whatever the team's roles are given, the boundary is the most that they can do.
        "permissions_boundary": config.require("boundary"),
        "path": f"/teams/{team}/",
        "statements": [{"actions": ["s3:*", "iam:ListUsers"], "resources": ["*"]}],
        "tags": {"team": team},
    },
    in_namespace,
)
