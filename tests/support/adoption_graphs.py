"""A graph with one of everything that `adopt` declares, and with texts that break carelessly written files."""

from __future__ import annotations

from dataclasses import replace

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import ServiceAccount
from eks_access.graph.tables import Part
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule
from support.access_graphs import Objects, arn, binding, group, role
from support.workload_chains import (
    ISSUER,
    ROLE_ANNOTATION,
    document,
    irsa_statement,
    pod_identity_statement,
    provider_arn,
)

HOSTILE = "x'); import os #\"{0}${y}\\"
"""A text that ends a careless literal, a format string or an interpolation."""
GROUP = 'o\'ps "{x}"'
ENTRY = arn("user/team/ann")
IRSA_ROLE = arn("role/apps/reader")
PODS_ROLE = arn("role/pods")
VIEW = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", ("default", "team-*"))


def adoptable(**changes: object) -> AccessGraph:
    """Return the graph; `changes` replace its objects."""
    reader = IamPrincipal(
        IRSA_ROLE,
        trust_policy=document(irsa_statement()),
        description=f'It\'s "{HOSTILE}"',
        max_session_duration=7200,
        inline_policies={"own": document({"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{HOSTILE}"})},
        attached_policies=("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",),
        tags={"team": "a"},
    )
    pods = IamPrincipal(
        PODS_ROLE, trust_policy=document(pod_identity_statement()), description="", max_session_duration=3600
    )
    found = Objects(
        principals={IRSA_ROLE: reader, PODS_ROLE: pods},
        oidc_providers={provider_arn(): OidcProvider(provider_arn(), ISSUER, ("sts.amazonaws.com",), {"team": "a"})},
        entries={ENTRY: ExistingEntry(ENTRY, HOSTILE, (GROUP, "b"), policies=(VIEW,), tags={"team": "a"})},
        aws_auth={"mapUsers": f"- userarn: {arn('user/eks-ope')}\n  username: eks-ope\n  groups: [operators]\n"},
        associations={
            ("default", "pi"): PodIdentityAssociation("a-1", "default", "pi", PODS_ROLE, tags={"a": "b"}),
            ("default", "other"): PodIdentityAssociation("a-2", "default", "other", PODS_ROLE),
        },
        rbac_roles=role("pod-reader", (Rule(("get",), ("pods",), ("",)),)) | role("view", ()),
        rbac_bindings=binding("read-pods", "pod-reader", group("operators"))
        | binding("in-a", "view", group(GROUP), namespace="a"),
        service_accounts={
            ("default", "test-sa"): ServiceAccount("default", "test-sa", {ROLE_ANNOTATION: IRSA_ROLE}),
        },
    ).changed(**changes)
    graph = found.graph()
    cluster = replace(graph.cluster.get(), endpoint="https://0123456789.example.com", certificate_authority="QQ==")
    return replace(graph, cluster=Part.of(cluster))
