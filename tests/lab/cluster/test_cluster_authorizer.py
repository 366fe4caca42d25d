"""Access policies as answers to SubjectAccessReviews, without a cluster."""

import pytest

from lab.cluster import authorizer
from lab.interfaces import AccessEntry, AssociatedAccessPolicy, AuthenticationMode, ClusterIdentity, IamPrincipal

ALICE = IamPrincipal("arn:aws:iam::111122223333:user/alice", "AIDAALICE")


def policy(name, *namespaces):
    return AssociatedAccessPolicy(f"arn:aws:eks::aws:cluster-access-policy/{name}", namespaces)


def identity(*policies, mode=AuthenticationMode.API):
    return ClusterIdentity(mode, access_entries=(AccessEntry(ALICE, "alice", policies=policies),))


def spec(verb="list", resource="pods", namespace="default", *, group="", subresource="", url=None, **user):
    asked = (
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
    who = {
        "user": "alice",
        "uid": "aws-iam-authenticator:111122223333:AIDAALICE",
        "extra": {"principalId": ["AIDAALICE"], "canonicalArn": [ALICE.arn]},
    }
    return {"spec": {**who, **asked, **user}}


def allowed(review, identity):
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
def test_each_policy_allows_what_aws_documents(name, verb, resource, group, expected):
    """The table of the user guide decides."""
    resource, _, subresource = resource.partition("/")
    asked = spec(verb, resource, group=group, subresource=subresource)
    assert allowed(asked, identity(policy(name))) is expected


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
def test_a_namespace_scope_holds_for_its_namespaces_only(patterns, namespace, expected):
    """`*` is the only wildcard; what lies in no namespace is out of scope."""
    scoped = identity(policy("AmazonEKSClusterAdminPolicy", *patterns))
    assert allowed(spec("list", "pods", namespace), scoped) is expected


def test_urls_are_for_cluster_administrators_of_the_whole_cluster():
    """Only AmazonEKSClusterAdminPolicy has nonResourceURLs, and they lie in no namespace."""
    asked = spec("get", url="/metrics")
    assert allowed(asked, identity(policy("AmazonEKSClusterAdminPolicy")))
    assert not allowed(asked, identity(policy("AmazonEKSClusterAdminPolicy", "default")))
    assert not allowed(asked, identity(policy("AmazonEKSAdminViewPolicy")))


def test_policies_add_up():
    """Several policies on one entry give what any of them gives."""
    both = identity(policy("AmazonEKSViewPolicy"), policy("AmazonEKSSecretReaderPolicy", "default"))
    assert allowed(spec("list", "secrets"), both)
    assert allowed(spec("list", "pods", "kube-system"), both)
    assert not allowed(spec("list", "secrets", "kube-system"), both)


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
def test_a_name_alone_is_nobody(user):
    """Without the authenticator's own unique id, once and in its own spelling, the username counts for nothing."""
    administrator = identity(policy("AmazonEKSClusterAdminPolicy"))
    assert allowed(spec(), administrator)
    assert not allowed(spec(**user), administrator)


def test_config_map_mode_knows_no_access_entries():
    """Entries that are there all the same have no effect."""
    policies = policy("AmazonEKSClusterAdminPolicy")
    assert not allowed(spec(), identity(policies, mode=AuthenticationMode.CONFIG_MAP))


def test_the_reason_names_policy_principal_and_scope():
    """Whoever reads the API server's answer sees which association let them in."""
    status = authorizer.review(spec(), identity(policy("AmazonEKSViewPolicy", "default")))["status"]
    assert all(word in status["reason"] for word in ("AmazonEKSViewPolicy", ALICE.arn, "default"))
