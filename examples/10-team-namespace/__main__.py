"""A namespace for a team: cluster access, workload identity and a resource quota."""

import pulumi
import pulumi_kubernetes as k8s

from eks_identity import Cluster, ClusterAccess, WorkloadIdentity

config = pulumi.Config()
team = config.require("team")

cluster = Cluster("cluster", {"name": config.require("cluster")})
namespace = k8s.core.v1.Namespace(team, metadata={"name": team}, opts=pulumi.ResourceOptions(provider=cluster.provider))
in_namespace = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[namespace])

k8s.core.v1.ResourceQuota(
    team,
    metadata={"name": team, "namespace": team},
    spec={"hard": {"pods": "10", "count/serviceaccounts": "5"}},
    opts=pulumi.ResourceOptions(provider=cluster.provider, depends_on=[namespace]),
)

ClusterAccess(
    f"{team}-developers",
    {
        "cluster": cluster.connection,
        "group": f"{team}-developers",
        "rbac_roles": [
            # The default ClusterRole `edit`, bound in this namespace only, and a Role with one more rule.
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

WorkloadIdentity(
    f"{team}-cart",
    {
        "cluster": cluster.connection,
        "namespace": team,
        "service_account": "cart",
        "mode": "pod-identity",
        # The permissions boundary limits the role, whatever its permissions policies allow.
        "permissions_boundary": config.require("boundary"),
        "path": f"/teams/{team}/",
        "statements": [{"actions": ["s3:*", "iam:ListUsers"], "resources": ["*"]}],
        "tags": {"team": team},
    },
    in_namespace,
)
