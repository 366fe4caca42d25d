"""EKS add-ons and Helm charts, each with the IAM policy that its project publishes, scoped to named resources."""

import pulumi

from eks_identity import Addon, Cluster, WorkloadIdentity

config = pulumi.Config()

cluster = Cluster("cluster", {"name": config.require("cluster")})

# An EKS add-on. The library knows its service account and its policy template.
Addon(
    "storage",
    {
        "cluster": cluster.connection,
        "addon_name": "aws-ebs-csi-driver",
        "mode": "pod-identity",
        "policy_templates": [{"name": "aws-ebs-csi-driver", "all_resources": True}],
    },
)

# A Helm chart that you install yourself. The identity is for the service account that the chart uses.
dns = WorkloadIdentity(
    "dns",
    {
        "cluster": cluster.connection,
        "namespace": "kube-system",
        "service_account": "external-dns",
        "mode": "pod-identity",
        "policy_templates": [{"name": "external-dns", "hosted_zone_arns": [config.require("zone")]}],
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("dns_role", dns.role_name)
