"""The state of a cluster after a change of a declaration."""

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


def test_policies_of_others_stay_on_an_entry():
    """A declaration's own policies go with it, and a policy that it narrows is the narrow one then."""
    found = ExistingEntry(USER, "me", ("ops",), policies=(ADMIN, VIEW))
    own = {"arn": VIEW.arn, "namespaces": []}
    narrowed = {"arn": VIEW.arn, "namespaces": ["shop"]}
    gone = AccessChange(declared(policies=[own]), declared()).entry_after(found, ME)
    narrow = AccessChange(declared(policies=[own]), declared(policies=[narrowed])).entry_after(found, ME)
    assert gone.policies == (ADMIN,)
    assert narrow.policies == (ADMIN, AssociatedPolicy(VIEW.arn, ("shop",)))


def test_an_entry_that_is_not_declared_stays_as_it_is():
    """Removed where it was declared, and nobody else's."""
    found = ExistingEntry(USER, "me", ("ops",))
    assert AccessChange(declared(), DeclaredAccess()).entry_after(found, ME) is None
    assert AccessChange(DeclaredAccess(), DeclaredAccess()).entry_after(found, ME) is found
    assert AccessChange(DeclaredAccess(), declared(["x"])).entry_after(None, ME).groups == ("x",)


def test_mappings_are_removed_and_written():
    """In aws-auth as it is."""
    document = AwsAuth.parse({"mapUsers": yaml.safe_dump([{"userarn": USER, "username": "me", "groups": ["ops"]}])})
    mapping = {"arn": USER, "username": "me", "groups": ["ops"]}
    old, new = (DeclaredAccess.of({"mappings": each}) for each in ([mapping], [{**mapping, "groups": ["x"]}]))
    assert AccessChange(old, DeclaredAccess()).aws_auth_after(document).entries == ()
    assert AccessChange(old, new).aws_auth_after(document).entries[0].groups == ("x",)


def test_only_roles_and_bindings_that_change_take_something_away():
    """New ones do not; a role that gets other rules, or a binding to another role, does."""
    role = {"namespace": None, "name": "admins", "rules": RULES}
    binding = {"namespace": None, "name": "b", "kind": "ClusterRole", "role": "admins", "group": "ops"}
    whole = DeclaredAccess.of({"roles": [role], "bindings": [binding]})
    assert not AccessChange(DeclaredAccess(), whole).changes_rbac
    assert not AccessChange(whole, whole).changes_rbac
    assert AccessChange(whole, DeclaredAccess.of({"roles": [role]})).changes_rbac
    assert AccessChange(
        whole, DeclaredAccess.of({"roles": [{**role, "rules": []}], "bindings": [binding]})
    ).changes_rbac

    found = Rbac({(None, "admins"): ()}, {(None, "theirs"): Binding((None, "x"))})
    after = AccessChange(DeclaredAccess(), whole).rbac_after(found)
    assert after.roles == {(None, "admins"): (Rule(("*",), ("*",), ("*",)),)}
    assert after.bindings[(None, "b")] == Binding((None, "admins"), frozenset({Subject("Group", "ops")}))
    assert AccessChange(whole, DeclaredAccess()).rbac_after(after).bindings == found.bindings


def test_an_entry_whose_groups_are_not_declared_is_not_judged():
    """LockoutGuard without ClusterAccess knows who has an entry, and not as what: only a removal is a change."""
    old, new = (DeclaredAccess.of({"entries": each}) for each in ([], [{"arn": USER}]))
    assert AccessChange(old, new).changed == []
    assert AccessChange(new, old).changed == [USER]
