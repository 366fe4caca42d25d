"""EKS access policies: their names, scopes and entry types."""

import pytest

from eks_identity.model.access_entries import EntryType
from eks_identity.model.access_policies import ACCESS_POLICIES, AccessPolicy
from eks_identity.model.partitions import AWS, CHINA
from lab.cloud.eks import eks_versions

VIEW = "AmazonEKSViewPolicy"


def test_access_policies_equal_those_of_the_lab():
    """Each has the list of `aws eks list-access-policies` from the user guide."""
    assert sorted(eks_versions.ACCESS_POLICIES) == sorted(ACCESS_POLICIES)


@pytest.mark.parametrize("name", ACCESS_POLICIES)
def test_access_policy_accepts_name_and_arn(name):
    """The ARN is valid in each partition, and may name a policy that is newer than the list."""
    assert AccessPolicy.of(name).arn(CHINA) == f"arn:aws-cn:eks::aws:cluster-access-policy/{name}"
    assert AccessPolicy.of(AccessPolicy.of(name).arn(AWS)).name == name
    assert AccessPolicy.of(f"arn:aws:eks::aws:cluster-access-policy/{name}2").name == f"{name}2"


@pytest.mark.parametrize(
    ("policy", "suggestion"),
    [("AmazonEKSViewPolcy", VIEW), ("view", VIEW), ("AmazonEKSClusterAdmin", "AmazonEKSClusterAdminPolicy")],
)
def test_access_policy_rejects_unknown_name_with_suggestion(problems_of, policy, suggestion):
    """EKS would reject a misspelt name only in the middle of an update."""
    (problem,) = problems_of(AccessPolicy.of, policy)
    assert problem.input == "policy"
    assert f"did you mean {suggestion}?" in problem.fix


@pytest.mark.parametrize(
    "policy",
    [
        "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
        "arn:aws:eks::111122223333:cluster-access-policy/AmazonEKSViewPolicy",
        "arn:aws:eks:eu-west-1:aws:cluster-access-policy/AmazonEKSViewPolicy",
        "arn:aws:eks::aws:cluster-access-policy/",
        "arn:aws:eks::aws:AmazonEKSViewPolicy",
        "",
        None,
        1,
    ],
)
def test_access_policy_rejects_other_arns(problems_of, policy):
    """IAM policies and ARNs with an account or a region are rejected."""
    problems_of(AccessPolicy.of, policy)


@pytest.mark.parametrize("namespaces", [["a"], ["dev-*"], ["*"], ["*-a-*", "b"]])
def test_access_policy_namespaces_accept_wildcard(namespaces):
    """In EKS, `*` matches any characters."""
    assert AccessPolicy.of(VIEW, namespaces).namespaces == tuple(namespaces)


@pytest.mark.parametrize(
    ("namespaces", "field"),
    [
        ([], "namespaces"),
        (["A"], "namespaces[0]"),
        (["a", "a"], "namespaces[1]"),
        (["a?"], "namespaces[0]"),
        ([1], "namespaces[0]"),
        ([""], "namespaces[0]"),
    ],
)
def test_access_policy_namespaces_reject_invalid_names(problems_of, namespaces, field):
    """An empty list would mean the whole cluster; a misspelt namespace does not exist."""
    (problem,) = problems_of(AccessPolicy.of, VIEW, namespaces)
    assert problem.input == field
    assert problem.value in (namespaces, *namespaces)


def test_access_policy_of_eks_components_rejects_namespaces(problems_of):
    """These policies apply to nodes, which are cluster-scoped."""
    for name in ("AmazonEKSHybridPolicy", "AmazonEKSComputePolicy", "AmazonEKSAutoNodePolicy"):
        (problem,) = problems_of(AccessPolicy.of, name, ["a"])
        assert problem.input == "namespaces"
        assert AccessPolicy.of(name).namespaces == ()


def test_access_policy_rejects_arn_of_another_partition(problems_of):
    """A cluster has the policies of its own partition; a name is valid in every partition."""
    (problem,) = problems_of(AccessPolicy.of(AccessPolicy.of(VIEW).arn(CHINA)).arn, AWS)
    assert problem.fix == f"write {VIEW}"


def test_access_policy_cluster_admin_requires_whole_cluster():
    """In namespaces, the same policy does not make an administrator."""
    assert AccessPolicy.of("AmazonEKSClusterAdminPolicy").is_cluster_admin
    assert not AccessPolicy.of("AmazonEKSClusterAdminPolicy", ["a"]).is_cluster_admin
    assert not AccessPolicy.of("AmazonEKSAdminPolicy").is_cluster_admin


def test_access_policy_depends_on_entry_type():
    """STANDARD accepts all policies but that of nodes, EC2 only that one, the other types none."""
    auto = "AmazonEKSAutoNodePolicy"
    assert [kind for kind in EntryType if kind.takes_policy(VIEW)] == [EntryType.STANDARD]
    assert [kind for kind in EntryType if kind.takes_policy(auto)] == [EntryType.EC2]
