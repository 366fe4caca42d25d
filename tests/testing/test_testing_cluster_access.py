"""`Deployment.can` for IAM principals: cluster access that a program's resources grant."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.testing import Answer, Cloud, deploy

ACCOUNT = "111122223333"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
OPS = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
READER = {"name": "reader", "rules": [{"resources": ["pods", "nodes"], "verbs": ["get", "list"]}]}


def access(*principals, name="operators", clusters=("eks-clu",), **args):
    def program():
        for name_ in clusters:
            cluster = eks.Cluster(name_, {"name": name_})
            eks.ClusterAccess(
                f"{name_}-{name}",
                {
                    "cluster": cluster.connection,
                    "group": "operators",
                    "principals": [{"arn": arn} for arn in principals],
                    "rbac_roles": [READER],
                    **args,
                },
                pulumi.ResourceOptions(providers=[cluster.provider]),
            )

    return program


@pytest.mark.parametrize("access_method", ["access-entry", "aws-auth"])
@pytest.mark.parametrize("principal", [OPERATOR, OPS])
def test_can_follows_the_rules_of_rbac_roles(access_method, principal):
    """With either access method, with or without a path, a principal is allowed exactly the rules of the role."""
    deployment = deploy(access(principal, access_method=access_method))
    deployment.assert_can(principal, "list", "pods")
    deployment.assert_can(principal, "get", "nodes", None, name="node-1")
    deployment.assert_cannot(principal, "delete", "pods", "default")
    deployment.assert_cannot(principal, "list", "secrets")


def test_verdict_lists_the_links_of_cluster_access():
    """A verdict is true if the answer is yes, and lists each link of the chain."""
    verdict = deploy(access(OPERATOR)).can(OPERATOR, "list", "pods", "default")
    assert verdict
    assert str(verdict).splitlines() == [
        f"{OPERATOR}: list pods in namespace default of cluster eks-clu: yes",
        f"  access entry of {OPERATOR}: username eks-ope, groups operators",
        "  ClusterRoleBinding reader-binding binds group operators to ClusterRole reader",
        "  ClusterRole reader allows it",
    ]


def broken(deployment, *request, **options):
    """Return the sentence of a failed assertion that names the broken link."""
    with pytest.raises(AssertionError) as failure:
        deployment.assert_can(*request, **options)
    return str(failure.value).splitlines()[-1].strip()


def test_principal_without_access_entry_is_the_broken_link():
    """The broken link is the missing entry, and a similar ARN is suggested."""
    deployment = deploy(access(OPERATOR))
    stranger = f"arn:aws:iam::{ACCOUNT}:user/other"
    assert "no access entry and no aws-auth mapping of" in broken(deployment, stranger, "list", "pods")
    assert f"did you mean {OPERATOR}?" in broken(deployment, OPERATOR + "x", "list", "pods")


def test_access_entry_is_not_read_with_config_map_mode():
    """An access entry grants no access to a cluster that reads only aws-auth."""

    def program():
        aws.eks.AccessEntry("raw", cluster_name="old", principal_arn=OPERATOR, kubernetes_groups=["operators"])

    deployment = deploy(program, cloud=Cloud(authentication_modes={"old": "CONFIG_MAP"}))
    assert "is not read with authentication mode CONFIG_MAP" in broken(deployment, OPERATOR, "list", "pods")


def raw(group="operators", namespace=None, role="view", **entry):
    """An access entry and a binding without components of the library."""

    def program():
        cluster = eks.Cluster("clu", {"name": "eks-clu"})
        options = pulumi.ResourceOptions(provider=cluster.provider)
        aws.eks.AccessEntry("raw", cluster_name="eks-clu", principal_arn=OPERATOR, **entry)
        kind = k8s.rbac.v1.RoleBinding if namespace else k8s.rbac.v1.ClusterRoleBinding
        kind(
            "raw",
            metadata={"name": "raw", "namespace": namespace},
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}],
            opts=options,
        )

    return program


def test_misspelt_group_is_the_broken_link():
    """If entry and binding have different groups, the message lists the bound groups."""
    deployment = deploy(raw(kubernetes_groups=["operator"]))
    link = broken(deployment, OPERATOR, "list", "pods")
    assert link == "broken: no binding has operator; bound groups are operators"


def test_access_entry_without_groups_is_the_broken_link():
    """An access entry alone allows no request."""
    assert "it has no groups and no access policy" in broken(deploy(raw()), OPERATOR, "list", "pods")


def test_role_binding_applies_to_its_namespace_only():
    """A RoleBinding to the default ClusterRole `view` applies to one namespace, not to all namespaces."""
    deployment = deploy(raw(namespace="shop", kubernetes_groups=["operators"]))
    deployment.assert_can(OPERATOR, "list", "pods", "shop")
    deployment.assert_can(OPERATOR, "list", "deployments", "shop", "apps")
    assert "does not reach namespace default" in broken(deployment, OPERATOR, "list", "pods", "default")
    assert "does not reach all namespaces" in broken(deployment, OPERATOR, "list", "pods")
    assert "has no rule for list secrets" in broken(deployment, OPERATOR, "list", "secrets", "shop")


def test_binding_to_an_undeclared_role_is_unknown():
    """If the rules of a role are unknown, both assertions fail with the reason."""
    deployment = deploy(raw(role="of-another-program", kubernetes_groups=["operators"]))
    verdict = deployment.can(OPERATOR, "list", "pods")
    assert verdict.answer is Answer.UNKNOWN
    assert not verdict
    for check in (deployment.assert_can, deployment.assert_cannot):
        with pytest.raises(AssertionError, match="the program does not declare its rules"):
            check(OPERATOR, "list", "pods")


def policy(name, *namespaces):
    def program():
        aws.eks.AccessEntry("raw", cluster_name="eks-clu", principal_arn=OPERATOR)
        aws.eks.AccessPolicyAssociation(
            "raw",
            cluster_name="eks-clu",
            principal_arn=OPERATOR,
            policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{name}",
            access_scope={"type": "namespace" if namespaces else "cluster", "namespaces": list(namespaces)},
        )

    return program


def test_access_policy_applies_to_the_namespaces_of_its_scope():
    """An access policy allows the rules that AWS documents, in the namespaces of its scope."""
    deployment = deploy(policy("AmazonEKSEditPolicy", "shop-*"))
    deployment.assert_can(OPERATOR, "create", "pods", "shop-eu")
    assert "does not reach namespace default" in broken(deployment, OPERATOR, "create", "pods", "default")
    assert "has no rule for create on nodes" in broken(deployment, OPERATOR, "create", "nodes", "shop-eu")
    deploy(policy("AmazonEKSClusterAdminPolicy")).assert_can(OPERATOR, "*", "secrets")


def test_access_policy_without_documented_rules_is_unknown():
    """AWS documents no rules for some access policies: the answer is unknown."""
    deployment = deploy(policy("AmazonEKSAutoNodePolicy"))
    assert deployment.can(OPERATOR, "list", "pods").answer is Answer.UNKNOWN
    assert "AWS does not document them" in broken(deployment, OPERATOR, "list", "pods")


def test_check_with_several_clusters_needs_a_cluster_name():
    """With several clusters, a check must name one, and reads only the resources of that cluster."""
    deployment = deploy(access(OPERATOR, clusters=("blue", "green")))
    with pytest.raises(ValueError, match="one of blue, green"):
        deployment.can(OPERATOR, "list", "pods")
    deployment.assert_can(OPERATOR, "list", "pods", cluster="green")
