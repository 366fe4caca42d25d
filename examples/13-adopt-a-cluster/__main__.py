"""Identity of an existing cluster, written by `eks-access adopt`. NOT_ADOPTED.md lists what it lacks."""

import pulumi

from eks_identity import Cluster, ClusterAccess, OidcProvider, WorkloadIdentity

cluster = Cluster(
    "eks-clu",
    {
        "name": "eks-clu",
    },
)

provider = OidcProvider(
    "eks-clu",
    {
        "issuer": cluster.issuer,
    },
)

ClusterAccess(
    "operators",
    {
        "cluster": cluster.connection,
        "group": "operators",
        "rbac_roles": [
            {
                "name": "pod-reader",
                "binding_name": "read-pods",
                "rules": [{"verbs": ["get", "list", "watch"], "resources": ["pods"]}],
            },
        ],
        "principals": [{"arn": "arn:aws:iam::123456789012:user/eks-ope"}],
        "access_method": "aws-auth",
        "adopt": True,
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

WorkloadIdentity(
    "reports",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "reports",
        "mode": "irsa",
        "oidc_provider_arn": provider.arn,
        "role_name": "reports",
        "policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)
