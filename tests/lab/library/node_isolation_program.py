"""Program with a new private cluster and node groups, isolated and not."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_eks

import eks_identity as eks

boundary = aws.iam.Policy(
    "boundary",
    name="teams-boundary",
    policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
)
size = {"desired_size": 1, "min_size": 1, "max_size": 1}
cluster = eks.Cluster(
    "isolated",
    {
        "name": "isolated",
        "create": {
            "endpoint_public_access": False,
            "endpoint_private_access": True,
            "enabled_cluster_log_types": ["audit"],
            "create_instance_role": True,
            "tags": {"cluster": "isolated"},
        },
        "node_groups": {"default": {"scaling_config": size, "disk_size": 30}},
        "role_settings": {
            "role_name_prefix": "isolated-",
            "path": "/teams/",
            "permissions_boundary": boundary.arn,
            "tags": {"team": "shop"},
        },
    },
)
role = cluster.eks.instance_roles[0].arn
pulumi_eks.ManagedNodeGroup("open", cluster=cluster.eks, node_role_arn=role, scaling_config=size)
isolation = eks.NodeIsolation("own", {"name_prefix": "own-", "disk_size": 40, "tags": {"team": "shop"}})
pulumi_eks.ManagedNodeGroup(
    "own",
    cluster=cluster.eks,
    node_role_arn=role,
    scaling_config=size,
    launch_template={"id": isolation.launch_template_id, "version": isolation.launch_template_version},
)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("template", isolation.launch_template_id)
