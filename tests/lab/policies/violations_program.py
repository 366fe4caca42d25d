"""Program that violates each rule of the policy pack that one preview can violate, or, with `clean`, none of them.

Each resource differs between the two only in what its rule is about.
"""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

config = pulumi.Config()
clean = config.get_bool("clean") or False
cluster = config.require("cluster")
ACCOUNT = "arn:aws:iam::123456789012"
BOUNDARY = f"{ACCOUNT}:policy/boundary"
HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
SUBJECT, AUDIENCE = {f"{HOST}:sub": "system:serviceaccount:shop:app"}, {f"{HOST}:aud": "sts.amazonaws.com"}
COMPLETE = {"StringEquals": SUBJECT | AUDIENCE}
PODS = {"Service": "pods.eks.amazonaws.com"}


def role(name, principal, action, condition=None, **options):
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    document = {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    return aws.iam.Role(name, name=f"policies-{name}", assume_role_policy=json.dumps(document), **options)


def web_identity(name, condition):
    provider = {"Federated": f"{ACCOUNT}:oidc-provider/{HOST}"}
    condition = COMPLETE if clean else condition
    return role(name, provider, "sts:AssumeRoleWithWebIdentity", condition, permissions_boundary=BOUNDARY)


# Trust policies.
role("anyone", {"AWS": f"{ACCOUNT}:root" if clean else "*"}, "sts:AssumeRole")
web_identity("no-condition", None)
web_identity("no-subject", {"StringEquals": AUDIENCE})
web_identity("no-audience", {"StringEquals": SUBJECT})
web_identity("wildcard", {"StringLike": {f"{HOST}:sub": "system:serviceaccount:shop:*"}, "StringEquals": AUDIENCE})

# Workloads.
pods = role("pods", PODS, ["sts:AssumeRole", "sts:TagSession"], permissions_boundary=BOUNDARY)
aws.iam.RolePolicyAttachment(
    "pods",
    role=pods.name,
    policy_arn=f"arn:aws:iam::aws:policy/{'AmazonS3ReadOnlyAccess' if clean else 'AdministratorAccess'}",
)
role(
    "boundary",
    PODS,
    ["sts:AssumeRole", "sts:TagSession"],
    permissions_boundary=BOUNDARY if clean else None,
)
provider = k8s.Provider("main", kubeconfig=config.require("kubeconfig"))
on_cluster = pulumi.ResourceOptions(provider=provider)


def service_account(name, namespace, annotated):
    annotations = {"eks.amazonaws.com/role-arn": f"{ACCOUNT}:role/policies-pods"} if annotated else {}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    k8s.core.v1.ServiceAccount(f"{namespace}-{name}", metadata=metadata, opts=on_cluster)


def association(name, service_account_name):
    aws.eks.PodIdentityAssociation(
        name, cluster_name=cluster, namespace="default", service_account=service_account_name, role_arn=pods.arn
    )


association("default", "own" if clean else "default")
service_account("twice", "default", annotated=not clean)
association("twice", "twice")
subnets = aws.ec2.get_subnets().ids
template = aws.ec2.LaunchTemplate(
    "nodes", metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1 if clean else 2}
)
aws.eks.NodeGroup(
    "nodes",
    cluster_name=cluster,
    node_role_arn=f"{ACCOUNT}:role/nodes",
    subnet_ids=subnets,
    scaling_config={"desired_size": 1, "max_size": 1, "min_size": 1},
    launch_template={"id": template.id, "version": "1"},
)

# Cluster access.
aws.eks.AccessEntry(
    "expired",
    cluster_name=cluster,
    principal_arn=f"{ACCOUNT}:role/policies-expired",
    kubernetes_groups=["people"],
    user_name="ann",
    tags={"eks-identity/expires": "2999-12-31" if clean else "2020-12-31"},
)

# RBAC.
RULES = {
    "wildcard": ([""], ["pods"], ["get" if clean else "*"]),
    "escalation": (["rbac.authorization.k8s.io"], ["roles"], ["get" if clean else "bind"]),
    "volumes": ([""], ["persistentvolumes"], ["get" if clean else "create"]),
    "proxy": ([""], ["nodes/metrics" if clean else "nodes/proxy"], ["get"]),
    "webhooks": (
        ["admissionregistration.k8s.io"],
        ["mutatingwebhookconfigurations"],
        ["get" if clean else "update"],
    ),
    "tokens": ([""], ["serviceaccounts" if clean else "serviceaccounts/token"], ["create"]),
    "secrets": ([""], ["configmaps" if clean else "secrets"], ["list"]),
}
for name, (groups, resources, verbs) in RULES.items():
    rule = {"apiGroups": groups, "resources": resources, "verbs": verbs}
    k8s.rbac.v1.ClusterRole(name, metadata={"name": f"policies-{name}"}, rules=[rule], opts=on_cluster)


def binding(name, kind, subject, role_name="view"):
    api_group = "rbac.authorization.k8s.io"
    k8s.rbac.v1.ClusterRoleBinding(
        name,
        metadata={"name": f"policies-{name}"},
        role_ref={"apiGroup": api_group, "kind": "ClusterRole", "name": role_name},
        subjects=[{"kind": kind, "name": subject, "apiGroup": api_group}],
        opts=on_cluster,
    )


binding("secrets", "Group", "people", "policies-secrets")
binding("masters", "Group", "masters" if clean else "system:masters")
binding("outside", "User", "ann" if clean else "bob")

# The cluster, one of its own: no other resource of this program is in it.
aws.eks.Cluster(
    "weak",
    name="policies-weak",
    role_arn=f"{ACCOUNT}:role/eks-lab-cluster",
    vpc_config={"subnet_ids": subnets, "endpoint_public_access": not clean},
    access_config={"authentication_mode": "API" if clean else "CONFIG_MAP"},
    encryption_config={
        "provider": {"key_arn": "arn:aws:kms:ap-northeast-1:123456789012:key/k"},
        "resources": ["secrets"],
    }
    if clean
    else None,
)
