"""Access to a living cluster that is in no state: somebody added it by hand, or with another tool.

| object                                    | left out, because EKS, AWS or Kubernetes creates it                     |
|-------------------------------------------|-------------------------------------------------------------------------|
| access entry                              | of a node type; of a service-linked role; of the cluster's creator; as  |
|                                           | `AuthenticationModeMigration` of a state created it                     |
| access policy of a declared access entry  | nothing                                                                 |
| entry of aws-auth                         | with the groups or the username of nodes                                |
| account of aws-auth (`mapAccounts`)       | nothing                                                                 |
| RoleBinding, ClusterRoleBinding           | `system:…`, `eks:…`, `cluster-admin`, and those of EKS add-ons below    |
| Pod Identity association                  | owned by an EKS add-on                                                  |
| service account with a role's annotation  | nothing                                                                 |
| inline or attached policy of a declared   | nothing                                                                 |
| IAM user or role                          |                                                                         |

The creator's access entry is the oldest one with AmazonEKSClusterAdminPolicy for the whole cluster and without groups,
if EKS created it together with the cluster. Principals and RBAC roles that no state has are not listed: they give no
access without one of these objects. In mode `API` EKS ignores aws-auth, and in mode `CONFIG_MAP` it has no access
entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import RbacBinding, ServiceAccount
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions import commands
from eks_access.questions.cluster_subjects import is_system
from eks_access.questions.drift.declared import Declared
from eks_identity.errors import InvalidInput
from eks_identity.model.access_entries import AuthenticationMode, EntryType
from eks_identity.model.annotations import ROLE_ARN
from eks_identity.model.arns import Principal
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

_OF_ADD_ONS = frozenset({"aws-node", "vpc-resource-controller-rolebinding", "eks-vpc-resource-controller-rolebinding"})
"""Bindings that EKS installs without the prefix `eks:`, for the VPC CNI and the VPC resource controller."""
_CREATION = timedelta(minutes=30)
"""EKS creates the creator's access entry before the cluster is active."""


@dataclass(frozen=True)
class UnmanagedAccess:
    """An object that gives access and is in no state. No update of a stack removes it."""

    object: str
    """The object: `access entry of arn:…`, `ClusterRoleBinding by-hand`."""
    says: str
    """What it gives to whom."""
    removal: Fix

    def __str__(self) -> str:
        return f"{self.object}: {self.says}"


def unmanaged_access(declared: Declared, live: AccessGraph, not_evaluated: list[NotRead]) -> list[UnmanagedAccess]:
    """Return the access of a living cluster that no state declares; add what cannot be read to `not_evaluated`."""
    found: list[UnmanagedAccess] = []
    tables = (_entries, _access_policies, _mappings, _bindings, _associations, _service_accounts, unmanaged_policies)
    for each in tables:
        find: Callable[[Declared, AccessGraph], Iterator[UnmanagedAccess]] = each
        try:
            found += find(declared, live)
        except NotReadError as error:
            not_evaluated.append(error.not_read)
    return found


def is_made_by_aws(entry: ExistingEntry, live: AccessGraph) -> bool:
    """Return whether EKS itself creates an access entry: for nodes, service-linked roles and the creator."""
    if entry.type != EntryType.STANDARD:
        return True
    try:
        is_service_linked = Principal.parse(entry.principal_arn).is_service_linked()
    except InvalidInput:
        is_service_linked = False
    return is_service_linked or entry.principal_arn == _creator(live)


def is_made_by_kubernetes(binding: RbacBinding) -> bool:
    """Return whether Kubernetes or EKS creates a binding."""
    return is_system(binding) or binding.name in _OF_ADD_ONS


def undeclared_policies(principal: IamPrincipal, live: IamPrincipal) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the inline and the attached policies of a declared principal that no state has."""
    if principal.other_policies is None:
        return (), ()  # the stack manages all its policies, so that an update removes others
    inline = tuple(name for name in live.inline_policies if name not in principal.inline_policies)
    return inline, tuple(arn for arn in live.attached_policies if arn not in principal.attached_policies)


def _creator(live: AccessGraph) -> str | None:
    created_at = live.cluster.get().created_at
    if created_at is None:
        return None
    administrators = [
        (entry.created_at, arn)
        for arn, entry in live.entries.all().items()
        if entry.created_at is not None
        and not entry.groups
        and entry.is_cluster_admin
        and entry.created_at - created_at < _CREATION
    ]
    return min(administrators)[1] if administrators else None


def _entries(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    if not live.authentication_mode().reads_access_entries:
        return
    for arn, entry in sorted(live.entries.all().items()):
        is_known = declared.is_declared("entries", arn) or declared.is_as_migrated(entry)
        if not is_known and not is_made_by_aws(entry, live):
            removal = commands.delete_access_entry(live.cluster.get(), arn)
            yield UnmanagedAccess(entry_name(arn), str(entry), removal)


def _access_policies(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    if not live.authentication_mode().reads_access_entries:
        return
    for arn, entry in sorted(declared.entries.items()):
        existing = live.entries.get(arn)
        own = {policy.arn for policy in entry.policies}
        for policy in existing.policies if existing else ():
            if policy.arn not in own:
                options = ("--principal-arn", arn, "--policy-arn", policy.arn)
                removal = commands.eks(live.cluster.get(), "disassociate-access-policy", *options)
                yield UnmanagedAccess(access_policy_name(policy, arn), str(policy), removal)


def _mappings(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    if live.authentication_mode() is AuthenticationMode.API:
        return
    config_map = live.aws_auth.get()
    for entry in config_map.document.entries:
        arn = entry.arn.lower()
        if arn and not entry.is_node and arn not in declared.mappings and arn not in declared.secret_mappings:
            removal = commands.write_aws_auth(config_map, config_map.document.without(entry))
            says = f"username {entry.username!r}, groups {list(entry.groups)}"
            yield UnmanagedAccess(mapping_name(entry.arn), says, removal)
    for account in config_map.document.accounts:
        if account and account not in declared.accounts:
            removal = commands.advice(f"remove it: `kubectl -n kube-system edit configmap aws-auth`, {account}")
            yield UnmanagedAccess(account_name(account), "every principal of the account", removal)


def _bindings(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    for key, binding in sorted(live.rbac_bindings.all().items(), key=lambda item: (item[0][0] or "", item[0][1])):
        if not declared.is_declared("rbac_bindings", key) and not is_made_by_kubernetes(binding):
            listed = ", ".join(map(str, binding.subjects)) or "no subject"
            yield UnmanagedAccess(
                str(binding), f"{binding.role_kind} {binding.role_name} to {listed}", commands.delete_binding(binding)
            )


def _associations(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    for key, association in sorted(live.associations.all().items()):
        if not declared.is_declared("associations", key) and association.owner_arn is None:
            removal = commands.eks(
                live.cluster.get(), "delete-pod-identity-association", "--association-id", association.id
            )
            yield UnmanagedAccess(association_name(association), f"role {association.role_arn}", removal)


def _service_accounts(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    for key, account in sorted(live.service_accounts.all().items()):
        own = declared.service_accounts.get(key)
        if ROLE_ARN in account.annotations and (own is None or ROLE_ARN not in own.annotations):
            if own is None and declared.is_declared("service_accounts", key):
                continue
            arguments = ("annotate", "serviceaccount", "--namespace", account.namespace, account.name)
            removal = commands.command("kubectl", *arguments, f"{ROLE_ARN}-")
            says = f"role {account.annotations[ROLE_ARN]}"
            yield UnmanagedAccess(annotation_name(account), says, removal)


def unmanaged_policies(declared: Declared, live: AccessGraph) -> Iterator[UnmanagedAccess]:
    """Yield the policies of declared principals that no state has. Raises `NotReadError`."""
    for arn, principal in sorted(declared.principals.items()):
        existing = live.principals.get(arn)
        if existing is None:
            continue
        kind, name = arn.rpartition(":")[2].partition("/")[0], arn.rpartition("/")[2]
        inline, attached = undeclared_policies(principal, existing)
        for policy in inline:
            options = (f"--{kind}-name", name, "--policy-name", policy)
            removal = commands.command("aws", "iam", f"delete-{kind}-policy", *options)
            yield UnmanagedAccess(inline_policy_name(policy, arn), "an inline policy", removal)
        for policy in attached:
            options = (f"--{kind}-name", name, "--policy-arn", policy)
            removal = commands.command("aws", "iam", f"detach-{kind}-policy", *options)
            yield UnmanagedAccess(attached_policy_name(policy, arn), "a managed policy", removal)


def entry_name(arn: str) -> str:
    return f"access entry of {arn}"


def access_policy_name(policy: AssociatedPolicy, arn: str) -> str:
    return f"access policy {policy.arn.rpartition('/')[2]} of {arn}"


def mapping_name(arn: str) -> str:
    return f"aws-auth entry of {arn}"


def account_name(account: str) -> str:
    return f"account {account} of aws-auth"


def association_name(association: PodIdentityAssociation) -> str:
    return f"Pod Identity association of {association.namespace}/{association.service_account}"


def annotation_name(account: ServiceAccount) -> str:
    return f"annotation of service account {account}"


def inline_policy_name(policy: str, arn: str) -> str:
    return f"inline policy {policy} of {arn}"


def attached_policy_name(policy: str, arn: str) -> str:
    return f"attached policy {policy} of {arn}"


def is_policy_of(name: str, arn: str = "") -> bool:
    """Return whether a name is that of an inline or attached policy, of any principal without `arn`."""
    return name.startswith(("inline policy ", "attached policy ")) and name.endswith(f" of {arn}" if arn else "")
