"""Add-ons of EKS and charts of your own, each with the policy that its project publishes, scoped to what it is for."""

import pulumi

import eks_identity as eks

config = pulumi.Config()

cluster = eks.Cluster("cluster", {"name": config.require("cluster")})

# An add-on of EKS: its service account and its policy are known.
eks.Addon(
    "storage",
    {
        "cluster": cluster.connection,
        "addon_name": "aws-ebs-csi-driver",
        "mode": "pod-identity",
        "policy_templates": [{"name": "aws-ebs-csi-driver", "all_resources": True}],
    },
)

# A chart that you install yourself: the identity is made for the service account that the chart will use.
dns = eks.WorkloadIdentity(
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
