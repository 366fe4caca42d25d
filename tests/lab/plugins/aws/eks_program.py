"""Program with EKS resources: version 2 changes mutable properties, version 3 immutable ones."""

import json

import pulumi_aws as sdk
from cluster_programs import VIEW, trust

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy"
UPDATED = {
    "cluster": {"accessConfig", "tags", "tagsAll"},
    "addon": {"configurationValues", "podIdentityAssociations"},
    "entry": {"kubernetesGroups", "tags", "tagsAll"},
    "association": {"roleArn"},
    "nodes": {"labels", "scalingConfig"},
}
REPLACED = {
    "entry": ["principalArn"],
    "entry-policy": ["policyArn", "principalArn"],
    "association": ["namespace"],
    "nodes": ["subnetIds"],
    "addon": ["addonName"],
}


def program(version):
    """Declare the resources and return the outputs."""
    changed, moved = version >= 2, version >= 3
    subnets = sdk.ec2.get_subnets_output(filters=[{"name": "default-for-az", "values": ["true"]}]).ids
    tags = {"stage": "two" if changed else "one"}
    service = sdk.iam.Role("service", assume_role_policy=trust("eks.amazonaws.com"))
    node = sdk.iam.Role("node", assume_role_policy=trust("ec2.amazonaws.com"))
    fargate = sdk.iam.Role("fargate", assume_role_policy=trust("eks-fargate-pods.amazonaws.com"))
    first = sdk.iam.Role("first", assume_role_policy=trust("pods.eks.amazonaws.com"))
    second = sdk.iam.Role("second", assume_role_policy=trust("pods.eks.amazonaws.com"))
    cluster = sdk.eks.Cluster(
        "cluster",
        name="plain",
        role_arn=service.arn,
        vpc_config={"subnet_ids": subnets.apply(lambda ids: ids[:2])},
        access_config={
            "authentication_mode": "API" if changed else "API_AND_CONFIG_MAP",
            "bootstrap_cluster_creator_admin_permissions": True,
        },
        tags=tags,
    )
    sdk.eks.Addon(
        "addon",
        cluster_name=cluster.name,
        addon_name="coredns" if moved else "vpc-cni",
        configuration_values=json.dumps(
            {"replicaCount": 2} if moved else {"env": {"A": "2"}} if changed else {"env": {"A": "1"}}
        ),
        pod_identity_associations=None
        if moved
        else [{"service_account": "aws-node", "role_arn": second.arn if changed else first.arn}],
    )
    entry = sdk.eks.AccessEntry(
        "entry",
        cluster_name=cluster.name,
        principal_arn=second.arn if moved else first.arn,
        kubernetes_groups=["viewers"] if changed else ["operators"],
        tags=tags,
    )
    sdk.eks.AccessPolicyAssociation(
        "entry-policy",
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=ADMIN if moved else VIEW,
        access_scope={"type": "cluster"},
    )
    association = sdk.eks.PodIdentityAssociation(
        "association",
        cluster_name=cluster.name,
        namespace="other" if moved else "default",
        service_account="test-sa",
        role_arn=second.arn if changed else first.arn,
    )
    sdk.eks.NodeGroup(
        "nodes",
        cluster_name=cluster.name,
        node_role_arn=node.arn,
        subnet_ids=subnets.apply(lambda ids: ids[1:2] if moved else ids[:1]),
        scaling_config={"desired_size": 2 if changed else 1, "min_size": 1, "max_size": 3},
        labels={"stage": "two"} if changed else {"stage": "one", "gone": "soon"},
    )
    sdk.eks.FargateProfile(
        "fargate-profile",
        cluster_name=cluster.name,
        pod_execution_role_arn=fargate.arn,
        selectors=[{"namespace": "default"}],
        subnet_ids=subnets.apply(lambda ids: ids[:1]),
    )
    looked_up = sdk.eks.get_cluster_output(name=cluster.name)
    return {
        "issuer": cluster.identities[0].oidcs[0].issuer,
        "certificate": cluster.certificate_authority.data,
        "association": association.association_id,
        "looked_up": {"issuer": looked_up.identities[0].oidcs[0].issuer, "vpc": looked_up.vpc_config.vpc_id},
        "token": sdk.eks.get_cluster_auth_output(name=cluster.name).token,
        "clusters": sdk.eks.get_clusters_output().names,
    }
