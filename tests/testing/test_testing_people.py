"""Whom a program lets into a cluster, read from what it declares."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.testing import Answer, Cloud, deploy

ACCOUNT = "111122223333"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
OPS = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
LOOK = {"name": "look", "rules": [{"resources": ["pods", "nodes"], "verbs": ["get", "list"]}]}


def access(*principals, name="operators", clusters=("eks-clu",), **args):
    def program():
        for place in clusters:
            cluster = eks.Cluster(place, {"name": place})
            eks.ClusterAccess(
                f"{place}-{name}",
                {
                    "cluster": cluster.connection,
                    "group": "operators",
                    "principals": [{"arn": arn} for arn in principals],
                    "rbac_roles": [LOOK],
                    **args,
                },
                pulumi.ResourceOptions(providers=[cluster.provider]),
            )

    return program


@pytest.mark.parametrize("access_method", ["access-entry", "aws-auth"])
@pytest.mark.parametrize("principal", [OPERATOR, OPS])
def test_a_declared_principal_may_do_what_the_rules_say(access_method, principal):
    """By either way in, with a path or without one, the rules of the role are what the principal may do."""
    deployment = deploy(access(principal, access_method=access_method))
    deployment.assert_can(principal, "list", "pods")
    deployment.assert_can(principal, "get", "nodes", None, name="node-1")
    deployment.assert_cannot(principal, "delete", "pods", "default")
    deployment.assert_cannot(principal, "list", "secrets")


def test_the_chain_is_said():
    """A verdict is true where the answer is yes, and lists each link of the chain."""
    verdict = deploy(access(OPERATOR)).lets(OPERATOR, "list", "pods", "default")
    assert verdict
    assert str(verdict).splitlines() == [
        f"{OPERATOR}: list pods in namespace default of cluster eks-clu: yes",
        f"  access entry of {OPERATOR}: username eks-ope, groups operators",
        "  ClusterRoleBinding look-binding binds group operators to ClusterRole look",
        "  ClusterRole look allows it",
    ]


def broken(deployment, *asked, **how):
    """The sentence that names the broken link, as a failed assertion says it."""
    with pytest.raises(AssertionError) as failed:
        deployment.assert_can(*asked, **how)
    return str(failed.value).splitlines()[-1].strip()


def test_nobody_is_let_in_who_is_not_declared():
    """The broken link is the missing entry; a near miss is named."""
    deployment = deploy(access(OPERATOR))
    stranger = f"arn:aws:iam::{ACCOUNT}:user/somebody"
    assert "no access entry and no aws-auth mapping of" in broken(deployment, stranger, "list", "pods")
    assert f"did you mean {OPERATOR}?" in broken(deployment, OPERATOR + "x", "list", "pods")


def test_a_mode_that_does_not_read_the_way_breaks_the_chain():
    """An entry in a cluster that reads aws-auth alone lets nobody in."""

    def program():
        aws.eks.AccessEntry("raw", cluster_name="old", principal_arn=OPERATOR, kubernetes_groups=["operators"])

    deployment = deploy(program, cloud=Cloud(authentication_modes={"old": "CONFIG_MAP"}))
    assert "is not read with authentication mode CONFIG_MAP" in broken(deployment, OPERATOR, "list", "pods")


def raw(group="operators", namespace=None, role="view", **entry):
    """What somebody declares by hand, and may get wrong."""

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


def test_a_misspelt_group_is_found():
    """Entry and binding that name different groups: the groups that are bound are said."""
    deployment = deploy(raw(kubernetes_groups=["operator"]))
    said = broken(deployment, OPERATOR, "list", "pods")
    assert said == "broken: nothing is bound to operator; bound groups are operators"


def test_an_entry_without_groups_is_found():
    """An entry alone lets its principal in and allows nothing."""
    assert "it has no groups and no access policy" in broken(deploy(raw()), OPERATOR, "list", "pods")


def test_a_binding_reaches_its_namespace_and_no_other():
    """A RoleBinding to the cluster's own `view` reaches one namespace, and is no answer for all of them."""
    deployment = deploy(raw(namespace="shop", kubernetes_groups=["operators"]))
    deployment.assert_can(OPERATOR, "list", "pods", "shop")
    deployment.assert_can(OPERATOR, "list", "deployments", "shop", "apps")
    assert "does not reach namespace default" in broken(deployment, OPERATOR, "list", "pods", "default")
    assert "does not reach all namespaces" in broken(deployment, OPERATOR, "list", "pods")
    assert "has no rule for list secrets" in broken(deployment, OPERATOR, "list", "secrets", "shop")


def test_a_role_that_is_not_declared_is_neither_yes_nor_no():
    """Where a role's rules are not known, both assertions fail and say why."""
    deployment = deploy(raw(role="somebody-elses", kubernetes_groups=["operators"]))
    verdict = deployment.lets(OPERATOR, "list", "pods")
    assert verdict.answer is Answer.UNKNOWN
    assert not verdict
    for check in (deployment.assert_can, deployment.assert_cannot):
        with pytest.raises(AssertionError, match="whose rules are not known: it is not declared here"):
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


def test_access_policies_count_where_they_reach():
    """A policy allows what AWS documents, in the namespaces of its scope."""
    deployment = deploy(policy("AmazonEKSEditPolicy", "shop-*"))
    deployment.assert_can(OPERATOR, "create", "pods", "shop-eu")
    assert "does not reach namespace default" in broken(deployment, OPERATOR, "create", "pods", "default")
    assert "has no rule for create on nodes" in broken(deployment, OPERATOR, "create", "nodes", "shop-eu")
    deploy(policy("AmazonEKSClusterAdminPolicy")).assert_can(OPERATOR, "*", "secrets")


def test_a_policy_without_documented_rules_is_neither_yes_nor_no():
    """AWS publishes no table for some access policies: the answer says so."""
    deployment = deploy(policy("AmazonEKSAutoNodePolicy"))
    assert deployment.lets(OPERATOR, "list", "pods").answer is Answer.UNKNOWN
    assert "AWS documents no rules of it" in broken(deployment, OPERATOR, "list", "pods")


def test_each_cluster_answers_for_itself():
    """With several clusters the question has to name one; what is declared in one counts there alone."""
    deployment = deploy(access(OPERATOR, clusters=("blue", "green")))
    with pytest.raises(ValueError, match="one of blue, green"):
        deployment.lets(OPERATOR, "list", "pods")
    deployment.assert_can(OPERATOR, "list", "pods", cluster="green")
