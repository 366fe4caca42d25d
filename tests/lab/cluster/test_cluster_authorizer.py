"""Responses to SubjectAccessReviews from access policies, without a cluster."""

import pytest

from lab.cluster import authorizer
from lab.interfaces import AccessEntry, AssociatedAccessPolicy, AuthenticationMode, ClusterIdentity, IamPrincipal

ALICE = IamPrincipal("arn:aws:iam::111122223333:user/alice", "AIDAALICE")


def policy(name, *namespaces):
    return AssociatedAccessPolicy(f"arn:aws:eks::aws:cluster-access-policy/{name}", namespaces)


def identity(*policies, mode=AuthenticationMode.API):
    return ClusterIdentity(mode, access_entries=(AccessEntry(ALICE, "alice", policies=policies),))


def spec(verb="list", resource="pods", namespace="default", *, group="", subresource="", url=None, **user):
    attributes = (
        {"nonResourceAttributes": {"path": url, "verb": verb}}
        if url
        else {
            "resourceAttributes": {
                "verb": verb,
                "resource": resource,
                "namespace": namespace,
                "group": group,
                "subresource": subresource,
            }
        }
    )
    caller = {
        "user": "alice",
        "uid": "aws-iam-authenticator:111122223333:AIDAALICE",
        "extra": {"principalId": ["AIDAALICE"], "canonicalArn": [ALICE.arn]},
    }
    return {"spec": {**caller, **attributes, **user}}


def is_allowed(review, identity):
    return authorizer.review(review, identity)["status"]["allowed"]


@pytest.mark.parametrize(
    ("name", "verb", "resource", "group", "expected"),
    [
        ("AmazonEKSViewPolicy", "list", "pods", "", True),
        ("AmazonEKSViewPolicy", "get", "pods/log", "", True),
        ("AmazonEKSViewPolicy", "list", "secrets", "", False),
        ("AmazonEKSViewPolicy", "list", "nodes", "", False),
        ("AmazonEKSViewPolicy", "delete", "pods", "", False),
        ("AmazonEKSViewPolicy", "list", "deployments", "apps", True),
        ("AmazonEKSViewPolicy", "list", "deployments", "", False),
        ("AmazonEKSEditPolicy", "get", "secrets", "", True),
        ("AmazonEKSEditPolicy", "create", "pods/exec", "", True),
        ("AmazonEKSEditPolicy", "impersonate", "serviceaccounts", "", True),
        ("AmazonEKSEditPolicy", "impersonate", "users", "", False),
        ("AmazonEKSEditPolicy", "create", "roles", "rbac.authorization.k8s.io", False),
        ("AmazonEKSAdminPolicy", "create", "roles", "rbac.authorization.k8s.io", True),
        ("AmazonEKSAdminPolicy", "create", "clusterroles", "rbac.authorization.k8s.io", False),
        ("AmazonEKSAdminPolicy", "delete", "namespaces", "", False),
        ("AmazonEKSAdminViewPolicy", "list", "secrets", "", True),
        ("AmazonEKSAdminViewPolicy", "list", "nodes", "", True),
        ("AmazonEKSAdminViewPolicy", "create", "pods", "", False),
        ("AmazonEKSSecretReaderPolicy", "watch", "secrets", "", True),
        ("AmazonEKSSecretReaderPolicy", "list", "pods", "", False),
        ("AmazonEKSClusterAdminPolicy", "escalate", "clusterroles", "rbac.authorization.k8s.io", True),
        ("AmazonEKSAutoNodePolicy", "list", "pods", "", False),
    ],
)
def test_access_policy_allows_what_aws_documents(name, verb, resource, group, expected):
    """The rules equal the tables of the EKS user guide."""
    resource, _, subresource = resource.partition("/")
    review = spec(verb, resource, group=group, subresource=subresource)
    assert is_allowed(review, identity(policy(name))) is expected


@pytest.mark.parametrize(
    ("patterns", "namespace", "expected"),
    [
        (("default",), "default", True),
        (("default",), "kube-system", False),
        (("default",), "", False),
        (("dev-*",), "dev-a", True),
        (("dev-*",), "prod-dev-a", False),
        (("a.c",), "abc", False),
        (("x", "default"), "default", True),
    ],
)
def test_namespace_scope_applies_to_matching_namespaces_only(patterns, namespace, expected):
    """`*` is the only wildcard; cluster-scoped requests are out of scope."""
    scoped = identity(policy("AmazonEKSClusterAdminPolicy", *patterns))
    assert is_allowed(spec("list", "pods", namespace), scoped) is expected


def test_non_resource_urls_need_cluster_admin_policy_without_namespaces():
    """Only AmazonEKSClusterAdminPolicy has nonResourceURLs, which belong to no namespace."""
    review = spec("get", url="/metrics")
    assert is_allowed(review, identity(policy("AmazonEKSClusterAdminPolicy")))
    assert not is_allowed(review, identity(policy("AmazonEKSClusterAdminPolicy", "default")))
    assert not is_allowed(review, identity(policy("AmazonEKSAdminViewPolicy")))


def test_several_access_policies_of_an_entry_add_up():
    """A request is allowed if any policy of the access entry allows it."""
    combined = identity(policy("AmazonEKSViewPolicy"), policy("AmazonEKSSecretReaderPolicy", "default"))
    assert is_allowed(spec("list", "secrets"), combined)
    assert is_allowed(spec("list", "pods", "kube-system"), combined)
    assert not is_allowed(spec("list", "secrets", "kube-system"), combined)


@pytest.mark.parametrize(
    "user",
    [
        {"extra": {"principalid": ["AIDAALICE"]}},
        {"extra": {"principalId": ["AIDAALICE", "AIDABOB"]}},
        {"extra": {"principalId": ["AIDABOB"]}},
        {"extra": {}},
        {"extra": None},
        {"uid": "AIDAALICE"},
        {"uid": "aws-iam-authenticator:111122223333:AIDABOB"},
        {"uid": None},
    ],
)
def test_username_alone_grants_no_access_policy(user):
    """Access policies need the authenticator's unique id, exactly once and in its spelling."""
    administrator = identity(policy("AmazonEKSClusterAdminPolicy"))
    assert is_allowed(spec(), administrator)
    assert not is_allowed(spec(**user), administrator)


def test_config_map_mode_ignores_access_policies():
    """Access entries of the identity have no effect."""
    policies = policy("AmazonEKSClusterAdminPolicy")
    assert not is_allowed(spec(), identity(policies, mode=AuthenticationMode.CONFIG_MAP))


def test_reason_contains_policy_principal_and_scope():
    """The reason in the API server's response identifies the policy association."""
    status = authorizer.review(spec(), identity(policy("AmazonEKSViewPolicy", "default")))["status"]
    assert all(word in status["reason"] for word in ("AmazonEKSViewPolicy", ALICE.arn, "default"))
