"""The same workload identities twice: through the component, and as raw resources below an empty component each.

Both for a cluster whose connection is written out, as plain strings, and for one of the same stack, which is Outputs.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

import eks_identity as eks
from eks_identity.model import kubeconfig as kubeconfigs

ACCOUNT = "123456789012"
ISSUER = "https://oidc.eks.ap-northeast-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
CLUSTER = {
    "name": "bench",
    "arn": f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/bench",
    "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
    "certificate_authority": "Y2VydGlmaWNhdGU=",
    "issuer": ISSUER,
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


@dataclass(frozen=True)
class Place:
    """The cluster that the service accounts are in."""

    connection: Any
    oidc_provider_arn: pulumi.Input[str]
    options: pulumi.ResourceOptions


def written_out(kubeconfig: str = KUBECONFIG) -> Place:
    """A cluster of another stack: all that is known of it is plain."""
    provider_arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER.removeprefix('https://')}"
    provider = k8s.Provider("cluster", kubeconfig=kubeconfig)
    return Place({**CLUSTER, "kubeconfig": kubeconfig}, provider_arn, pulumi.ResourceOptions(providers=[provider]))


def same_stack(_kubeconfig: str = KUBECONFIG) -> Place:
    """A cluster of this stack: all that is known of it are Outputs."""
    cluster = eks.Cluster("bench", {"name": CLUSTER["name"]})
    vouching = eks.OidcProvider("bench", {"issuer": cluster.issuer})
    return Place(cluster.connection, vouching.arn, pulumi.ResourceOptions(providers=[cluster.provider]))


def components(names: list[str], place: Place) -> None:
    """A workload identity of each name, by `WorkloadIdentity`."""
    for name in names:
        args: Any = {
            "cluster": place.connection,
            "namespace": "default",
            "service_account": name,
            "oidc_provider_arn": place.oidc_provider_arn,
            "policies": ["AmazonS3ReadOnlyAccess"],
            "tags": {"team": "bench"},
        }
        eks.WorkloadIdentity(name, args, place.options)


class Empty(pulumi.ComponentResource):
    """A component that does nothing but have children."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bench:index:Empty", name, {}, opts)


def raw(names: list[str], place: Place) -> None:
    """Declare the same resources without the library, with their strings written by hand."""
    issuer, provider_arn = place.connection["issuer"], place.oidc_provider_arn
    for name in names:
        parent = Empty(name, place.options)
        child = pulumi.ResourceOptions(parent=parent)
        policy: pulumi.Input[str]
        if isinstance(issuer, str):
            policy = trust(name, issuer, provider_arn)
        else:
            policy = pulumi.Output.all(name, issuer, provider_arn).apply(lambda values: trust(*values))
        role = aws.iam.Role(name, assume_role_policy=policy, tags={"team": "bench"}, opts=child)
        attached = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        aws.iam.RolePolicyAttachment(f"{name}-AmazonS3ReadOnlyAccess", role=role.name, policy_arn=attached, opts=child)
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
                "trust_policy": policy,
            }
        )


def trust(service_account: str, issuer: str, provider_arn: Any) -> str:
    host = issuer.removeprefix("https://")
    subject = f"system:serviceaccount:default:{service_account}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": "sts.amazonaws.com"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


WAYS: dict[str, Callable[[list[str], Place], None]] = {"raw": raw, "components": components}
PLACES: dict[str, Callable[..., Place]] = {"written-out": written_out, "same-stack": same_stack}


def declare(way: str, place: str, count: int, kubeconfig: str = KUBECONFIG, prefix: str = "reader") -> None:
    """`count` identities in one of the two ways, in a cluster of one of the two places."""
    WAYS[way]([f"{prefix}-{number}" for number in range(count)], PLACES[place](kubeconfig))
