"""Access changes: the state of a cluster after a declaration changes."""

from __future__ import annotations

import yaml

from eks_identity.evaluation.access_changes import AccessChange, DeclaredAccess
from eks_identity.evaluation.rbac import Binding, Rbac, Subject
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule

USER = "arn:aws:iam::111122223333:user/me"
ME = Principal.parse(USER)
POLICY = "arn:aws:eks::aws:cluster-access-policy"
ADMIN = AssociatedPolicy(f"{POLICY}/AmazonEKSClusterAdminPolicy")
VIEW = AssociatedPolicy(f"{POLICY}/AmazonEKSViewPolicy")
RULES = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]


def declared(groups=(), policies=(), **other):
    entries = [{"arn": USER, "username": "me", "groups": [*groups]}]
    return DeclaredAccess.of({"entries": entries, "policies": [*policies], **other})


def test_access_change_keeps_policies_of_other_declarations():
    """A declaration's own policies are removed with it, and a policy with a narrower scope replaces the wider one."""
    found = ExistingEntry(USER, "me", ("ops",), policies=(ADMIN, VIEW))
    own = {"arn": VIEW.arn, "namespaces": []}
    narrowed = {"arn": VIEW.arn, "namespaces": ["shop"]}
    gone = AccessChange(declared(policies=[own]), declared()).entry_after(found, ME)
    narrow = AccessChange(declared(policies=[own]), declared(policies=[narrowed])).entry_after(found, ME)
    assert gone.policies == (ADMIN,)
    assert narrow.policies == (ADMIN, AssociatedPolicy(VIEW.arn, ("shop",)))


def test_access_change_keeps_undeclared_entries():
    """An entry is removed only by the declaration that has declared it."""
    found = ExistingEntry(USER, "me", ("ops",))
    assert AccessChange(declared(), DeclaredAccess()).entry_after(found, ME) is None
    assert AccessChange(DeclaredAccess(), DeclaredAccess()).entry_after(found, ME) is found
    assert AccessChange(DeclaredAccess(), declared(["x"])).entry_after(None, ME).groups == ("x",)


def test_access_change_removes_and_changes_aws_auth_mappings():
    """A removed mapping is removed from aws-auth, and a changed mapping is changed there."""
    document = AwsAuth.parse({"mapUsers": yaml.safe_dump([{"userarn": USER, "username": "me", "groups": ["ops"]}])})
    mapping = {"arn": USER, "username": "me", "groups": ["ops"]}
    old, new = (DeclaredAccess.of({"mappings": each}) for each in ([mapping], [{**mapping, "groups": ["x"]}]))
    assert AccessChange(old, DeclaredAccess()).aws_auth_after(document).entries == ()
    assert AccessChange(old, new).aws_auth_after(document).entries[0].groups == ("x",)


def test_access_change_of_rbac_counts_changed_roles_and_bindings():
    """New roles and bindings remove no rights; a role with other rules, or a binding to another role, may."""
    role = {"namespace": None, "name": "admins", "rules": RULES}
    binding = {"namespace": None, "name": "b", "kind": "ClusterRole", "role": "admins", "group": "ops"}
    complete = DeclaredAccess.of({"roles": [role], "bindings": [binding]})
    assert not AccessChange(DeclaredAccess(), complete).changes_rbac
    assert not AccessChange(complete, complete).changes_rbac
    assert AccessChange(complete, DeclaredAccess.of({"roles": [role]})).changes_rbac
    assert AccessChange(
        complete, DeclaredAccess.of({"roles": [{**role, "rules": []}], "bindings": [binding]})
    ).changes_rbac

    found = Rbac({(None, "admins"): ()}, {(None, "theirs"): Binding((None, "x"))})
    after = AccessChange(DeclaredAccess(), complete).rbac_after(found)
    assert after.roles == {(None, "admins"): (Rule(("*",), ("*",), ("*",)),)}
    assert after.bindings[(None, "b")] == Binding((None, "admins"), frozenset({Subject("Group", "ops")}))
    assert AccessChange(complete, DeclaredAccess()).rbac_after(after).bindings == found.bindings


def test_access_change_ignores_new_entries_without_username():
    """LockoutGuard without ClusterAccess has only ARNs: a new entry is not compared, a removed one is a change."""
    old, new = (DeclaredAccess.of({"entries": each}) for each in ([], [{"arn": USER}]))
    assert AccessChange(old, new).changed == []
    assert AccessChange(new, old).changed == [USER]
