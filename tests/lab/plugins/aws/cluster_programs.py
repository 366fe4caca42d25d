"""Programs with pulumi_eks.Cluster: default options, all options with Fargate, and EKS Auto Mode."""

import json

import pulumi_aws as sdk
import pulumi_eks as eks

VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
KEY = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def trust(*services):
    principal = {"Service": list(services)}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def official(version):
    guest = sdk.iam.Role("guest", assume_role_policy=trust("ec2.amazonaws.com"))
    cluster = eks.Cluster(
        "eks-clu",
        name="eks-clu",
        authentication_mode=eks.AuthenticationMode.API,
        skip_default_node_group=True,
        access_entries={
            "guest": eks.AccessEntryArgs(
                principal_arn=guest.arn,
                kubernetes_groups=["operators"] if version == 1 else ["operators", "viewers"],
                access_policies={
                    "view": eks.AccessPolicyAssociationArgs(
                        policy_arn=VIEW,
                        access_scope=sdk.eks.AccessPolicyAssociationAccessScopeArgs(
                            type="namespace", namespaces=["default"]
                        ),
                    ),
                },
            ),
        },
        tags={"owner": "tests"},
    )
    return {
        "kubeconfig": cluster.kubeconfig,
        "kubeconfigJson": cluster.kubeconfig_json,
        "scoped": cluster.get_kubeconfig(role_arn="arn:aws:iam::123456789012:role/x"),
        "issuer": cluster.oidc_issuer,
        "url": cluster.oidc_provider_url,
        "name": cluster.eks_cluster.name,
        "endpoint": cluster.core.endpoint,
        "core name": cluster.core.cluster.name,
        "vpc": cluster.core.vpc_id,
        "group": cluster.cluster_security_group_id,
    }


def network():
    """A VPC with two public and two private subnets."""
    vpc = sdk.ec2.Vpc("net", cidr_block="10.9.0.0/16")
    subnets = [
        sdk.ec2.Subnet(f"net-{zone}", vpc_id=vpc.id, cidr_block=f"10.9.{zone}.0/24", availability_zone=az)
        for zone, az in enumerate(("ap-northeast-1a", "ap-northeast-1c"))
    ]
    return vpc, [subnet.id for subnet in subnets]


def private(version):
    vpc, subnets = network()
    service = sdk.iam.Role("service", assume_role_policy=trust("eks.amazonaws.com"))
    cluster = eks.Cluster(
        "private",
        name="private",
        vpc_id=vpc.id,
        private_subnet_ids=subnets,
        endpoint_public_access=False,
        endpoint_private_access=True,
        enabled_cluster_log_types=["audit"] if version == 1 else ["audit", "api"],
        encryption_config_key_arn=KEY,
        ip_family="ipv4",
        kubernetes_service_ip_address_range="10.200.0.0/16",
        authentication_mode=eks.AuthenticationMode.API,
        service_role=service,
        fargate=eks.FargateProfileArgs(selectors=[{"namespace": "jobs"}]),
        skip_default_node_group=True,
        coredns_addon_options={"configuration_values": {"replicaCount": 3}},
        tags={"team": "shop"},
        deletion_protection=version == 2,
    )
    return {
        "profile": cluster.fargate_profile_id,
        "status": cluster.fargate_profile_status,
    }


def auto(_version):
    cluster = eks.Cluster(
        "auto", name="auto", authentication_mode=eks.AuthenticationMode.API, auto_mode={"enabled": True}
    )
    return {
        "role": cluster.auto_mode_node_role_name,
    }
