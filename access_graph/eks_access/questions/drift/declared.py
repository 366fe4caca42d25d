"""The objects that the states of stacks declare for one cluster. Several stacks may declare access to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import (
    Document,
    IamGroup,
    IamPrincipal,
    OidcProvider,
    PodIdentityAssociation,
    Unknown,
)
from eks_access.graph.kubernetes_objects import ObjectKey, RbacBinding, RbacRole, ServiceAccount
from eks_access.graph.tables import NotRead, NotReadError, Table
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.aws_auth import Entry
from eks_identity.model.existing_entries import ExistingEntry

_TABLES = (
    "principals",
    "groups",
    "policies",
    "oidc_providers",
    "entries",
    "associations",
    "rbac_roles",
    "rbac_bindings",
    "service_accounts",
)
_AWS_MANAGED = ":iam::aws:policy/"


@dataclass
class Declared:
    """The declared objects by table and key, as in the graphs of the states."""

    source: str = ""
    """The states in words."""
    principals: dict[str, IamPrincipal] = field(default_factory=dict)
    groups: dict[str, IamGroup] = field(default_factory=dict)
    policies: dict[str, Document | Unknown] = field(default_factory=dict)
    oidc_providers: dict[str, OidcProvider] = field(default_factory=dict)
    entries: dict[str, ExistingEntry] = field(default_factory=dict)
    associations: dict[ObjectKey, PodIdentityAssociation] = field(default_factory=dict)
    rbac_roles: dict[RoleKey, RbacRole] = field(default_factory=dict)
    rbac_bindings: dict[RoleKey, RbacBinding] = field(default_factory=dict)
    service_accounts: dict[ObjectKey, ServiceAccount] = field(default_factory=dict)
    mappings: dict[str, Entry] = field(default_factory=dict)
    """Entries of aws-auth by ARN in lower case."""
    accounts: set[str] = field(default_factory=set)
    """Accounts of mapAccounts."""
    secret_keys: dict[str, set[Any]] = field(default_factory=dict)
    """Keys of declared objects whose value is a secret of the state, by table."""
    secret_mappings: set[str] = field(default_factory=set)
    """ARNs, in lower case, of entries of aws-auth that have a secret value."""
    authentication_mode: str | None = None
    """None: the states do not have it."""
    migrated_entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Access entries that a migration created, by ARN of the principal."""
    not_evaluated: list[NotRead] = field(default_factory=list)

    def is_declared(self, table: str, key: Any) -> bool:
        """Return whether a state declares an object, whether or not its value is known."""
        return key in getattr(self, table) or key in self.secret_keys.get(table, ())

    def is_as_migrated(self, entry: ExistingEntry) -> bool:
        """Return whether a living access entry is as a migration of the authentication mode created it."""
        return self.migrated_entries.get(entry.principal_arn) == entry.access()


def declared_objects(states: Iterable[AccessGraph]) -> Declared:
    """Return the objects of all states."""
    states = tuple(states)
    found = Declared(" and ".join(dict.fromkeys(state.source for state in states)))
    for state in states:
        for name in _TABLES:
            table: Table[Any, Any] = getattr(state, name)
            getattr(found, name).update(_objects(name, table))
            found.secret_keys.setdefault(name, set()).update(
                key for key, not_read in table.exceptions.items() if not_read is not None
            )
            found.not_evaluated += table.failures()
        found.migrated_entries |= state.migrated_entries
        _add_mappings(found, state)
        mode = _authentication_mode(state)
        if found.authentication_mode is None and isinstance(mode, str):
            found.authentication_mode = mode
    found.not_evaluated = list(dict.fromkeys(found.not_evaluated))
    return found


def _objects(name: str, table: Table[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the objects of a table. A state attaches AWS-managed policies, and does not declare them."""
    return ((key, value) for key, value in table.all().items() if name != "policies" or _AWS_MANAGED not in key)


def _authentication_mode(state: AccessGraph) -> str | Unknown | None:
    try:
        return state.cluster.get().authentication_mode
    except NotReadError:
        return None  # the stack has no cluster


def _add_mappings(found: Declared, state: AccessGraph) -> None:
    try:
        config_map = state.aws_auth.get()
    except NotReadError:
        return  # the stack has no cluster
    document = config_map.document
    found.mappings |= {entry.arn.lower(): entry for entry in document.entries if entry.arn}
    found.accounts |= {account for account in document.accounts if account}
    found.secret_mappings |= set(map(str.lower, config_map.unread_arns))
    found.not_evaluated += config_map.unread
