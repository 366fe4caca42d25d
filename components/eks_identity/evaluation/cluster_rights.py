"""What an IAM principal may do in a cluster: its Kubernetes user, by access entry or aws-auth, and that user's rights.

Decided in docs/adr/0014. An **administrator** may do every verb on every resource of every API group in the whole
cluster. That is what the API server answers to a SubjectAccessReview of `*` on `*.*`. Three things make one: the access
policy AmazonEKSClusterAdminPolicy for the whole cluster, the group `system:masters` (aws-auth only), and a
ClusterRoleBinding to any ClusterRole with such a rule.

A principal **keeps its rights** through a change if it is an administrator after it, or if nothing that it may do
before the change is missing after it.

Source: EKS user guide, "Grant IAM users and roles access to Kubernetes APIs"; aws-iam-authenticator, `pkg/mapper`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.iam_policies import matches
from eks_identity.evaluation.rbac import EVERYTHING, Grant, Rbac, Request, allows, covers
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule

ADMINISTRATION = Request(EVERYTHING, EVERYTHING, api_group=EVERYTHING)
"""The request that only an administrator may make: `kubectl auth can-i '*' '*.*'`."""

_EVERYTHING = Grant((Rule(("*",), ("*",), ("*",)), Rule(("*",), non_resource_urls=("*",))))


@dataclass(frozen=True)
class ClusterUser:
    """The Kubernetes user that a principal is authenticated as, and the access policies of its access entry."""

    username: str
    groups: tuple[str, ...] = ()
    policies: tuple[AssociatedPolicy, ...] = ()

    def includes(self, other: ClusterUser) -> bool:
        """Whether it is the same user with the same groups and policies, or more of them."""
        return (
            self.username == other.username
            and set(self.groups) >= set(other.groups)
            and set(self.policies) >= set(other.policies)
        )

    def __str__(self) -> str:
        policies = f", access policies {', '.join(map(str, self.policies))}" if self.policies else ""
        return f"username {self.username!r}, groups {list(self.groups)}{policies}"


def user_by_entry(entry: ExistingEntry, who: Principal, session: str = "") -> ClusterUser:
    """The user that an access entry makes of its principal."""
    return ClusterUser(_filled(entry.username, who, session), entry.groups, entry.policies)


def user_by_aws_auth(document: AwsAuth, who: Principal, session: str = "") -> ClusterUser | None:
    """The user that aws-auth makes of a principal; None if it maps neither the principal nor its account.

    `mapAccounts` gives the ARN as username, and no groups: nothing but a binding of that username grants rights then.
    """
    mapping = document.lets_in(who.aws_auth_arn)
    if mapping is not None:
        return ClusterUser(_filled(mapping.username or "", who, session), mapping.groups)
    return ClusterUser(who.aws_auth_arn) if who.account in document.accounts else None


def _filled(username: str, who: Principal, session: str) -> str:
    """The username with the templates filled in, as far as they are known: bindings name what is filled in."""
    username = username.replace("{{AccountID}}", who.account)
    if not session:
        return username
    return username.replace("{{SessionName}}", session.replace("@", "-")).replace("{{SessionNameRaw}}", session)


@dataclass(frozen=True)
class Rights:
    """What one user may do. RBAC is read only where access policies and `system:masters` do not answer."""

    user: ClusterUser
    cluster_rbac: Callable[[], Rbac] = field(compare=False)
    """ClusterRoles and ClusterRoleBindings."""
    namespaced_rbac: Callable[[], Rbac] = field(compare=False)
    """RoleBindings, with all roles that these refer to."""

    @cached_property
    def is_administrator(self) -> bool:
        """Whether the user may do everything in the whole cluster."""
        if MASTERS in self.user.groups or any(policy.is_cluster_admin for policy in self.user.policies):
            return True
        grants = self.cluster_rbac().grants(self.user.username, self.user.groups)
        return any(not grant.namespaces and allows(grant.rules, ADMINISTRATION) for grant in grants)

    def grants(self) -> Iterator[Grant]:
        """All that the user may do, and where."""
        if MASTERS in self.user.groups:
            yield _EVERYTHING
        yield from map(_granted_by, self.user.policies)
        for rbac in (self.cluster_rbac, self.namespaced_rbac):
            yield from rbac().grants(self.user.username, self.user.groups)


def _granted_by(policy: AssociatedPolicy) -> Grant:
    name = policy.arn.rpartition("/")[2]
    # AWS documents no rules of some policies: then the policy itself is the right, and only the same policy covers it.
    unknown = (Rule((f"access policy {name}",), (EVERYTHING,), (EVERYTHING,)),)
    return Grant(ACCESS_POLICY_RULES.get(name, unknown), policy.namespaces)


def lost(before: Rights | None, after: Rights | None) -> str:
    """What is lost from `before` to `after`, in words; empty if the principal keeps its rights."""
    if before is None or (after is not None and (after.user.includes(before.user) and _same_rbac(before, after))):
        return ""
    if after is None:
        return "it has no access at all"
    if after.is_administrator:
        return ""
    if before.is_administrator:
        return f"it is no administrator ({after.user})"
    grants = list(after.grants())
    missing = next((rule for grant in before.grants() for rule in _missing(grant, grants)), None)
    return "" if missing is None else f"it may no longer {', '.join(missing.verbs)} {_objects(missing)} ({after.user})"


def _same_rbac(before: Rights, after: Rights) -> bool:
    return (before.cluster_rbac, before.namespaced_rbac) == (after.cluster_rbac, after.namespaced_rbac)


def _missing(grant: Grant, after: Iterable[Grant]) -> Iterator[Rule]:
    kept = list(after)
    for namespace in grant.namespaces or (None,):
        reaching = [rule for other in kept if _reaches(other, namespace) for rule in other.rules]
        yield from (rule for rule in grant.rules if not covers(reaching, rule))


def _reaches(grant: Grant, namespace: str | None) -> bool:
    if not grant.namespaces:
        return True
    return namespace is not None and any(matches(pattern, namespace) for pattern in grant.namespaces)


def _objects(rule: Rule) -> str:
    named = f" named {', '.join(rule.resource_names)}" if rule.resource_names else ""
    return ", ".join(rule.resources or rule.non_resource_urls) + named


@dataclass(frozen=True)
class ClusterState:
    """How one cluster maps principals to users, and users to rights. Each part is read when it is needed."""

    mode: AuthenticationMode
    entry: Callable[[Principal], ExistingEntry | None]
    aws_auth: Callable[[], AwsAuth]
    cluster_rbac: Callable[[], Rbac]
    namespaced_rbac: Callable[[], Rbac]

    def user(self, who: Principal, session: str = "") -> ClusterUser | None:
        """The user that EKS authenticates the principal as: an access entry wins over aws-auth."""
        entry = self.entry(who) if self.mode.reads_access_entries else None
        if entry is not None:
            return user_by_entry(entry, who, session)
        return user_by_aws_auth(self.aws_auth(), who, session) if self.mode.reads_aws_auth else None

    def rights(self, who: Principal, session: str = "") -> Rights | None:
        """What the principal may do; None if EKS does not authenticate it."""
        user = self.user(who, session)
        return None if user is None else Rights(user, self.cluster_rbac, self.namespaced_rbac)

    def is_administrator(self, who: Principal) -> bool:
        """Whether the principal may do everything."""
        rights = self.rights(who)
        return rights is not None and rights.is_administrator
