"""The rights of an IAM principal in a cluster: those of its Kubernetes user, by access entry or aws-auth.

Decided in docs/adr/0014. An **administrator** may use every verb on every resource of every API group in the whole
cluster: the API server allows it a SubjectAccessReview of `*` on `*.*`. Each of these makes a principal an
administrator: the access policy AmazonEKSClusterAdminPolicy for the whole cluster, the group `system:masters` (aws-auth
only), and a ClusterRoleBinding to any ClusterRole with such a rule.

A principal **keeps its rights** in a change if it is an administrator after the change, or if every right that it has
before the change exists after it.

Source: EKS user guide, "Grant IAM users and roles access to Kubernetes APIs"; aws-iam-authenticator, `pkg/mapper`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.iam import matches
from eks_identity.evaluation.rbac import EVERYTHING, Grant, Rbac, Request, allows, covers, single_rules
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.identities import MASTERS
from eks_identity.model.rbac import Rule

ADMINISTRATION = Request(EVERYTHING, EVERYTHING, api_group=EVERYTHING)
"""The request that only an administrator is allowed: `kubectl auth can-i '*' '*.*'`."""

_EVERYTHING = Grant((Rule(("*",), ("*",), ("*",)), Rule(("*",), non_resource_urls=("*",))))


@dataclass(frozen=True)
class ClusterUser:
    """The Kubernetes user of an authenticated principal, and the access policies of its access entry."""

    username: str
    groups: tuple[str, ...] = ()
    policies: tuple[AssociatedPolicy, ...] = ()

    def includes(self, other: ClusterUser) -> bool:
        """Return whether this is the same user as `other` with at least its groups and policies."""
        return (
            self.username == other.username
            and set(self.groups) >= set(other.groups)
            and set(self.policies) >= set(other.policies)
        )

    def __str__(self) -> str:
        policies = f", access policies {', '.join(map(str, self.policies))}" if self.policies else ""
        return f"username {self.username!r}, groups {list(self.groups)}{policies}"


def user_by_entry(entry: ExistingEntry, principal: Principal, session: str = "") -> ClusterUser:
    """Return the user that EKS authenticates a principal as by its access entry."""
    username, *groups = (_resolve(text, principal, session) for text in (entry.username, *entry.groups))
    return ClusterUser(username, tuple(groups), entry.policies)


def user_by_aws_auth(document: AwsAuth, principal: Principal, session: str = "") -> ClusterUser | None:
    """Return the user that aws-auth maps a principal to; None if it maps neither the principal nor its account.

    `mapAccounts` sets the ARN as username, and no groups: only a binding of that username grants rights then.
    """
    mapping = document.effective_entry(principal.aws_auth_arn)
    if mapping is not None:
        username, *groups = (_resolve(text, principal, session) for text in (mapping.username or "", *mapping.groups))
        return ClusterUser(username, tuple(groups))
    return ClusterUser(principal.aws_auth_arn) if principal.account in document.accounts else None


def _resolve(text: str, principal: Principal, session: str) -> str:
    """Return a username or group with its templates resolved, as bindings name it.

    Templates of the session stay if `session` of a role is not known; a user has none. Those of a node's name and of
    the access key stay.
    """
    text = text.replace("{{AccountID}}", principal.account)
    if not session and principal.kind is PrincipalKind.ROLE:
        return text
    return text.replace("{{SessionName}}", session.replace("@", "-")).replace("{{SessionNameRaw}}", session)


@dataclass(frozen=True)
class Rights:
    """The rights of one user. RBAC is read only if access policies and `system:masters` do not decide."""

    user: ClusterUser
    cluster_rbac: Callable[[], Rbac] = field(compare=False)
    """ClusterRoles and ClusterRoleBindings."""
    namespaced_rbac: Callable[[], Rbac] = field(compare=False)
    """RoleBindings, with all roles that they refer to."""

    @cached_property
    def is_administrator(self) -> bool:
        """Whether the user is allowed everything in the whole cluster."""
        if MASTERS in self.user.groups or any(policy.is_cluster_admin for policy in self.user.policies):
            return True
        grants = self.cluster_rbac().grants(self.user.username, self.user.groups)
        return any(not grant.namespaces and allows(grant.rules, ADMINISTRATION) for grant in grants)

    def grants(self) -> Iterator[Grant]:
        """Yield everything that the user is allowed, with the namespaces."""
        if MASTERS in self.user.groups:
            yield _EVERYTHING
        yield from map(policy_grant, self.user.policies)
        for rbac in (self.cluster_rbac, self.namespaced_rbac):
            yield from rbac().grants(self.user.username, self.user.groups)


def policy_grant(policy: AssociatedPolicy) -> Grant:
    """Return the permissions of an access policy."""
    name = policy.arn.rpartition("/")[2]
    # AWS does not document the rules of some policies. This rule stands for one; only the same policy covers it.
    undocumented = (Rule((f"access policy {name}",), (EVERYTHING,), (EVERYTHING,)),)
    return Grant(ACCESS_POLICY_RULES.get(name, undocumented), policy.namespaces)


def describe_lost_rights(before: Rights | None, after: Rights | None) -> str:
    """Return a description of the rights lost from `before` to `after`; empty if the principal keeps its rights."""
    if before is None or (after is not None and (after.user.includes(before.user) and _same_rbac(before, after))):
        return ""
    if after is None:
        return "it has no access"
    if after.is_administrator:
        return ""
    if before.is_administrator:
        return f"it is not an administrator ({after.user})"
    grants = list(after.grants())
    missing = next((rule for grant in before.grants() for rule in _missing(grant, grants)), None)
    return "" if missing is None else f"it may no longer {', '.join(missing.verbs)} {_objects(missing)} ({after.user})"


def _same_rbac(before: Rights, after: Rights) -> bool:
    return (before.cluster_rbac, before.namespaced_rbac) == (after.cluster_rbac, after.namespaced_rbac)


def _missing(grant: Grant, after: Iterable[Grant]) -> Iterator[Rule]:
    """Yield the rules of a grant that `after` does not cover, whole."""
    for _, rules in _uncovered(grant, list(after)):
        yield from (rule for rule, _ in rules)


def missing_permissions(before: Iterable[Grant], after: Iterable[Grant]) -> Iterator[Grant]:
    """Yield the permissions of `before` that `after` lacks, by namespace or for the whole cluster.

    Each rule has one verb and one resource.
    """
    remaining = list(after)
    for grant in before:
        for namespaces, rules in _uncovered(grant, remaining):
            yield Grant(tuple(each for _, single in rules for each in single), namespaces)


def _uncovered(grant: Grant, after: Sequence[Grant]) -> Iterator[tuple[tuple[str, ...], list[tuple[Rule, list[Rule]]]]]:
    """Yield by namespace the rules that `after` does not cover, each with the single rules that are missing."""
    for namespace in grant.namespaces or (None,):
        owned = [rule for other in after if _applies_in(other, namespace) for rule in other.rules]
        missing = [(rule, [each for each in single_rules(rule) if not covers(owned, each)]) for rule in grant.rules]
        rules = [(rule, single) for rule, single in missing if single]
        if rules:
            yield (() if namespace is None else (namespace,)), rules


def _applies_in(grant: Grant, namespace: str | None) -> bool:
    if not grant.namespaces:
        return True
    return namespace is not None and any(matches(pattern, namespace) for pattern in grant.namespaces)


def _objects(rule: Rule) -> str:
    named = f" named {', '.join(rule.resource_names)}" if rule.resource_names else ""
    return ", ".join(rule.resources or rule.non_resource_urls) + named


@dataclass(frozen=True)
class ClusterState:
    """The users and rights of principals in one cluster. Each part is read when it is needed."""

    mode: AuthenticationMode
    entry: Callable[[Principal], ExistingEntry | None]
    aws_auth: Callable[[], AwsAuth]
    cluster_rbac: Callable[[], Rbac]
    namespaced_rbac: Callable[[], Rbac]

    def user(self, principal: Principal, session: str = "") -> ClusterUser | None:
        """Return the user that EKS authenticates the principal as. An access entry wins over aws-auth."""
        entry = self.entry(principal) if self.mode.reads_access_entries else None
        if entry is not None:
            return user_by_entry(entry, principal, session)
        return user_by_aws_auth(self.aws_auth(), principal, session) if self.mode.reads_aws_auth else None

    def rights(self, principal: Principal, session: str = "") -> Rights | None:
        """Return the rights of the principal; None if EKS does not authenticate it."""
        user = self.user(principal, session)
        return None if user is None else Rights(user, self.cluster_rbac, self.namespaced_rbac)

    def is_administrator(self, principal: Principal) -> bool:
        """Return whether the principal is allowed everything."""
        rights = self.rights(principal)
        return rights is not None and rights.is_administrator
