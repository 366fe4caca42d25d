"""Rights of principals in a cluster, by access entry, aws-auth and RBAC."""

from __future__ import annotations

import pytest
import yaml

from eks_identity.evaluation.cluster_rights import (
    ClusterState,
    ClusterUser,
    Rights,
    describe_lost_rights,
    user_by_aws_auth,
    user_by_entry,
)
from eks_identity.evaluation.rbac import Binding, Rbac, Subject
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule

ACCOUNT = "111122223333"
ME = Principal.parse(f"arn:aws:iam::{ACCOUNT}:user/me")
TEAM = Principal.parse(f"arn:aws:iam::{ACCOUNT}:role/people/team")
POLICY = "arn:aws:eks::aws:cluster-access-policy"
CLUSTER_ADMIN = AssociatedPolicy(f"{POLICY}/AmazonEKSClusterAdminPolicy")
VIEW = AssociatedPolicy(f"{POLICY}/AmazonEKSViewPolicy", ("dev-*", "shop"))
EVERYTHING = Rule(("*",), ("*",), ("*",))
READ_PODS = Rule(("get", "list"), ("pods",), ("",))


def rbac(*bound, namespace=None):
    """Return Rbac with one binding for each (subject, rules); a subject is `User/name` or `Group/name`."""
    roles = {(None, f"role-{index}"): tuple(rules) for index, (_, rules) in enumerate(bound)}
    bindings = {
        (namespace, f"binding-{index}"): Binding((None, f"role-{index}"), frozenset({Subject(*subject.split("/", 1))}))
        for index, (subject, _) in enumerate(bound)
    }
    return Rbac(roles, bindings)


def rights(user, cluster=None, namespaced=None):
    return Rights(user, lambda: cluster or Rbac(), lambda: namespaced or Rbac())


@pytest.mark.parametrize(
    ("user", "cluster", "namespaced", "expected"),
    [
        (ClusterUser("me", ("system:masters",)), None, None, True),
        (ClusterUser("me", (), (CLUSTER_ADMIN,)), None, None, True),
        (ClusterUser("me", (), (AssociatedPolicy(CLUSTER_ADMIN.arn, ("shop",)),)), None, None, False),
        (ClusterUser("me", (), (AssociatedPolicy(f"{POLICY}/AmazonEKSAdminPolicy"),)), None, None, False),
        (ClusterUser("me", ("ops",)), rbac(("Group/ops", [EVERYTHING])), None, True),
        (ClusterUser("me"), rbac(("User/me", [READ_PODS, EVERYTHING])), None, True),
        (ClusterUser("me"), rbac(("Group/system:authenticated", [EVERYTHING])), None, True),
        (ClusterUser("me"), rbac(("Group/me", [EVERYTHING])), None, False),
        (ClusterUser("me", ("ops",)), rbac(("User/ops", [EVERYTHING])), None, False),
        (ClusterUser("me", ("ops",)), None, rbac(("Group/ops", [EVERYTHING]), namespace="shop"), False),
        (ClusterUser("me", ("ops",)), rbac(("Group/ops", [Rule(("*",), ("*",), ("",))])), None, False),
        (ClusterUser("me", ("ops",)), rbac(("Group/ops", [Rule(("*",), ("*",), ("*",), ("one",))])), None, False),
        (ClusterUser("me", ("ops",)), rbac(("Group/ops", [Rule(("get", "update"), ("*",), ("*",))])), None, False),
        (ClusterUser("me", ("ops",)), rbac(("Group/ops", [Rule(("*",), non_resource_urls=("*",))])), None, False),
    ],
)
def test_cluster_administrator_has_all_rights_in_whole_cluster(user, cluster, namespaced, expected):
    """By access policy, `system:masters` or any cluster-wide binding to a role that allows everything."""
    assert rights(user, cluster, namespaced).is_administrator is expected


def test_rbac_binding_to_missing_role_grants_nothing():
    """The API server ignores such a binding."""
    bound = Rbac({}, {(None, "b"): Binding((None, "gone"), frozenset({Subject("User", "me")}))})
    assert list(bound.grants("me", ())) == []
    assert not rights(ClusterUser("me"), bound).is_administrator


def aws_auth(**lists):
    return AwsAuth.parse({name: yaml.safe_dump(items) for name, items in lists.items()})


MASTER = {"userarn": ME.arn, "username": "me", "groups": ["system:masters"]}
VIEWER = {"userarn": ME.arn.upper().replace("ARN:AWS:IAM", "arn:aws:iam"), "username": "v", "groups": ["viewers"]}


@pytest.mark.parametrize(
    ("document", "principal", "session", "expected"),
    [
        (aws_auth(mapUsers=[MASTER]), ME, "", ClusterUser("me", ("system:masters",))),
        (aws_auth(mapUsers=[MASTER, VIEWER]), ME, "", ClusterUser("v", ("viewers",))),
        (aws_auth(mapUsers=[VIEWER, MASTER]), ME, "", ClusterUser("me", ("system:masters",))),
        (aws_auth(mapAccounts=[ACCOUNT]), ME, "", ClusterUser(ME.arn)),
        (aws_auth(mapAccounts=[ACCOUNT]), TEAM, "", ClusterUser(TEAM.aws_auth_arn)),
        (aws_auth(mapAccounts=["444455556666"]), ME, "", None),
        (aws_auth(mapUsers=[MASTER], mapAccounts=[ACCOUNT]), ME, "", ClusterUser("me", ("system:masters",))),
        (
            aws_auth(mapRoles=[{"rolearn": TEAM.aws_auth_arn, "username": "t:{{SessionName}}", "groups": []}]),
            TEAM,
            "a@b",
            ClusterUser("t:a-b"),
        ),
        (aws_auth(mapRoles=[{"rolearn": TEAM.arn, "username": "t", "groups": ["system:masters"]}]), TEAM, "", None),
    ],
)
def test_aws_auth_maps_principal_to_user(document, principal, session, expected):
    """The last entry wins; `mapAccounts` sets a username and no groups; a role's path matches no principal."""
    assert user_by_aws_auth(document, principal, session) == expected


@pytest.mark.parametrize(
    ("principal", "session", "expected"),
    [
        (TEAM, "a@b", (ACCOUNT, "a-b", "a@b")),
        (TEAM, "", (ACCOUNT, "{{SessionName}}", "{{SessionNameRaw}}")),
        (ME, "", (ACCOUNT, "", "")),
    ],
)
def test_templates_in_groups_are_resolved(principal, session, expected):
    """The authenticator resolves templates of groups as those of usernames. The session of a user is empty."""
    templates = ("{{AccountID}}", "{{SessionName}}", "{{SessionNameRaw}}")
    key, field = ("mapRoles", "rolearn") if principal is TEAM else ("mapUsers", "userarn")
    document = aws_auth(**{key: [{field: principal.aws_auth_arn, "username": "u", "groups": list(templates)}]})
    assert user_by_aws_auth(document, principal, session) == ClusterUser("u", expected)
    assert user_by_entry(ExistingEntry(principal.arn, "u", templates), principal, session).groups == expected


@pytest.mark.parametrize(
    ("mode", "entry", "expected"),
    [
        (AuthenticationMode.CONFIG_MAP, ExistingEntry(ME.arn, "me"), ClusterUser("me", ("system:masters",))),
        (AuthenticationMode.API_AND_CONFIG_MAP, None, ClusterUser("me", ("system:masters",))),
        (AuthenticationMode.API_AND_CONFIG_MAP, ExistingEntry(ME.arn, "e", ("x",)), ClusterUser("e", ("x",))),
        (AuthenticationMode.API, None, None),
        (AuthenticationMode.API, ExistingEntry(ME.arn, "e"), ClusterUser("e")),
    ],
)
def test_authentication_mode_selects_access_entry_or_aws_auth(mode, entry, expected):
    """An access entry wins over aws-auth if EKS reads both."""
    document = aws_auth(mapUsers=[MASTER])
    state = ClusterState(mode, lambda _: entry, lambda: document, Rbac, Rbac)
    assert state.user(ME) == expected


def never():
    raise AssertionError("read")


VIEWERS = ClusterUser("me", ("viewers",))
POD_READERS = rbac(("Group/viewers", [READ_PODS]), ("Group/readers", [Rule(("get", "list", "watch"), ("*",), ("",))]))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, None, ""),
        (None, rights(VIEWERS), ""),
        (rights(VIEWERS), None, "no access"),
        (rights(ClusterUser("me", ("system:masters",))), rights(ClusterUser("me")), "not an administrator"),
        (rights(ClusterUser("me", ("system:masters",))), rights(ClusterUser("x", (), (CLUSTER_ADMIN,))), ""),
        (rights(VIEWERS, POD_READERS), rights(ClusterUser("else", ("readers",)), POD_READERS), ""),
        (rights(ClusterUser("me", ("readers",)), POD_READERS), rights(VIEWERS, POD_READERS), "may no longer"),
        (rights(VIEWERS, POD_READERS), rights(VIEWERS, Rbac()), "may no longer get, list pods"),
        (rights(VIEWERS), rights(ClusterUser("me")), ""),
        (
            rights(VIEWERS, None, rbac(("Group/viewers", [READ_PODS]), namespace="shop")),
            rights(VIEWERS, None, rbac(("Group/viewers", [READ_PODS]), namespace="till")),
            "may no longer get, list pods",
        ),
        (
            rights(VIEWERS, None, rbac(("Group/viewers", [READ_PODS]), namespace="dev-1")),
            rights(ClusterUser("me", (), (VIEW,))),
            "",
        ),
        (
            rights(ClusterUser("me", (), (VIEW,))),
            rights(ClusterUser("me", (), (AssociatedPolicy(VIEW.arn, ("shop",)),))),
            "may no longer",
        ),
        (
            rights(ClusterUser("me", (), (AssociatedPolicy(f"{POLICY}/AmazonNewPolicy"),))),
            rights(ClusterUser("me")),
            "may no longer access policy AmazonNewPolicy",
        ),
    ],
)
def test_lost_rights_are_described(before, after, expected):
    """Rights may come from other groups and usernames; an administrator keeps all; scopes are compared."""
    description = describe_lost_rights(before, after)
    assert expected in description
    assert bool(description) is bool(expected)


def test_lost_rights_of_unchanged_user_need_no_rbac():
    """A caller without permission to read RBAC, who keeps its user, groups and policies, needs no RBAC."""
    before = Rights(VIEWERS, never, never)
    after = Rights(ClusterUser("me", ("viewers", "more"), (CLUSTER_ADMIN,)), never, never)
    assert describe_lost_rights(before, after) == ""
    assert describe_lost_rights(Rights(ClusterUser("other", ("ops",)), never, never), after) == ""
