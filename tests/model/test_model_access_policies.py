"""EKS's access policies: which there are, what they may be scoped to, and who takes them."""

import pytest

from eks_identity.model.access_entries import EntryType
from eks_identity.model.access_policies import ACCESS_POLICIES, AccessPolicy
from eks_identity.model.partitions import AWS, CHINA
from lab.cloud.eks import eks_versions

VIEW = "AmazonEKSViewPolicy"


def test_the_lab_and_the_library_know_the_same_policies():
    """Each has the list of `aws eks list-access-policies` from the user guide."""
    assert sorted(eks_versions.ACCESS_POLICIES) == sorted(ACCESS_POLICIES)


@pytest.mark.parametrize("name", ACCESS_POLICIES)
def test_a_policy_is_known_by_name_and_by_arn(name):
    """In each partition; an ARN may name a policy that is newer than the list."""
    assert AccessPolicy.of(name).arn(CHINA) == f"arn:aws-cn:eks::aws:cluster-access-policy/{name}"
    assert AccessPolicy.of(AccessPolicy.of(name).arn(AWS)).name == name
    assert AccessPolicy.of(f"arn:aws:eks::aws:cluster-access-policy/{name}2").name == f"{name}2"


@pytest.mark.parametrize(
    ("policy", "near"),
    [("AmazonEKSViewPolcy", VIEW), ("view", VIEW), ("AmazonEKSClusterAdmin", "AmazonEKSClusterAdminPolicy")],
)
def test_an_unknown_name_is_refused_with_a_near_one(refused, policy, near):
    """A misspelt name would be refused by EKS in the middle of an update."""
    (problem,) = refused(AccessPolicy.of, policy)
    assert problem.input == "policy"
    assert f"did you mean {near}?" in problem.fix


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
def test_what_is_no_access_policy_is_refused(refused, policy):
    """IAM's policies are others, and so is whatever has an account or region."""
    refused(AccessPolicy.of, policy)


@pytest.mark.parametrize("namespaces", [["a"], ["dev-*"], ["*"], ["*-a-*", "b"]])
def test_namespaces_may_have_a_wildcard(namespaces):
    """EKS's `*` stands for any characters."""
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
def test_namespaces_that_mean_nothing_are_refused(refused, namespaces, field):
    """An empty list would be the whole cluster; a misspelt namespace is none."""
    (problem,) = refused(AccessPolicy.of, VIEW, namespaces)
    assert problem.input == field
    assert problem.value in (namespaces, *namespaces)


def test_policies_of_eks_own_components_are_for_the_whole_cluster(refused):
    """They are about nodes, which are in no namespace."""
    for name in ("AmazonEKSHybridPolicy", "AmazonEKSComputePolicy", "AmazonEKSAutoNodePolicy"):
        (problem,) = refused(AccessPolicy.of, name, ["a"])
        assert problem.input == "namespaces"
        assert AccessPolicy.of(name).namespaces == ()


def test_another_partitions_arn_is_refused(refused):
    """A cluster has the policies of its own partition; a name is of any."""
    (problem,) = refused(AccessPolicy.of(AccessPolicy.of(VIEW).arn(CHINA)).arn, AWS)
    assert problem.fix == f"write {VIEW}"


def test_an_administrator_has_all_of_the_cluster():
    """In some namespaces the same policy makes nobody one."""
    assert AccessPolicy.of("AmazonEKSClusterAdminPolicy").is_cluster_admin
    assert not AccessPolicy.of("AmazonEKSClusterAdminPolicy", ["a"]).is_cluster_admin
    assert not AccessPolicy.of("AmazonEKSAdminPolicy").is_cluster_admin


def test_which_types_take_which_policies():
    """People take all but the nodes' one, nodes of Auto Mode that one alone, other nodes none."""
    auto = "AmazonEKSAutoNodePolicy"
    assert [kind for kind in EntryType if kind.takes_policy(VIEW)] == [EntryType.STANDARD]
    assert [kind for kind in EntryType if kind.takes_policy(auto)] == [EntryType.EC2]
