"""The same workload identities twice: through the component, and as raw resources below an empty component each."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

import eks_identity as eks
from eks_identity.model import kubeconfig as kubeconfigs

ACCOUNT = "123456789012"
ISSUER_HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER_HOST}"
CLUSTER = {
    "name": "bench",
    "arn": f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/bench",
    "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
    "certificate_authority": "Y2VydGlmaWNhdGU=",
    "issuer": f"https://{ISSUER_HOST}",
    "region": "ap-northeast-1",
    "account_id": ACCOUNT,
    "partition": "aws",
    "authentication_mode": "API",
}
KUBECONFIG = kubeconfigs.dumps(
    kubeconfigs.kubeconfig(
        cluster_arn=CLUSTER["arn"],
        cluster_name=CLUSTER["name"],
        endpoint=CLUSTER["endpoint"],
        certificate_authority=CLUSTER["certificate_authority"],
        region=CLUSTER["region"],
    )
)


def components(count: int, kubeconfig: str = KUBECONFIG) -> None:
    """`count` workload identities by `WorkloadIdentity`."""
    options = pulumi.ResourceOptions(providers=[k8s.Provider("cluster", kubeconfig=kubeconfig)])
    for number in range(count):
        args: Any = {
            "cluster": {**CLUSTER, "kubeconfig": kubeconfig},
            "namespace": "default",
            "service_account": f"reader-{number}",
            "oidc_provider_arn": PROVIDER,
            "policies": ["AmazonS3ReadOnlyAccess"],
            "tags": {"team": "bench"},
        }
        eks.WorkloadIdentity(f"reader-{number}", args, options)


class Empty(pulumi.ComponentResource):
    """A component that does nothing but have children."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bench:index:Empty", name, {}, opts)


def raw(count: int, kubeconfig: str = KUBECONFIG) -> None:
    """`count` workload identities as somebody writes them who writes the strings by hand."""
    options = pulumi.ResourceOptions(providers=[k8s.Provider("cluster", kubeconfig=kubeconfig)])
    for number in range(count):
        name = f"reader-{number}"
        parent = Empty(name, options)
        child = pulumi.ResourceOptions(parent=parent)
        subject = f"system:serviceaccount:default:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{ISSUER_HOST}:sub": subject, f"{ISSUER_HOST}:aud": "sts.amazonaws.com"}},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
        role = aws.iam.Role(name, assume_role_policy=trust, tags={"team": "bench"}, opts=child)
        policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        aws.iam.RolePolicyAttachment(f"{name}-AmazonS3ReadOnlyAccess", role=role.name, policy_arn=policy, opts=child)
        account = k8s.core.v1.ServiceAccount(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=name, namespace="default", annotations={"eks.amazonaws.com/role-arn": role.arn}
            ),
            opts=child,
        )
        parent.register_outputs(
            {
                "role_arn": role.arn,
                "role_name": role.name,
                "namespace": account.metadata.namespace,
                "service_account": account.metadata.name,
                "trust_policy": trust,
            }
        )


WAYS = {"components": components, "raw": raw}
