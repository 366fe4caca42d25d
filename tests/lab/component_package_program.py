"""Program that uses the component package through its generated SDK."""

import pulumi
import pulumi_eks_identity as eks
import pulumi_kubernetes as kubernetes

cluster = eks.Cluster("cluster", name="eks-clu")
provider = kubernetes.Provider("cluster", kubeconfig=cluster.kubeconfig)
eks.ClusterAccess(
    "operators",
    cluster=cluster.connection,
    group="operators",
    rbac_roles=[{"name": "operators", "rules": [{"resources": ["pods"], "verbs": ["get", "list"]}]}],
    principals=[{"arn": "arn:aws:iam::123456789012:role/operators"}],
    access_method="aws-auth",
    opts=pulumi.ResourceOptions(providers=[provider]),
)
pulumi.export("sdk", eks.__file__)
