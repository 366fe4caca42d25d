"""The aws-auth ConfigMap: parse it as aws-iam-authenticator does, and add, change or remove one entry.

The ConfigMap holds YAML inside strings, shared by EKS, eksctl and users. An edit changes only the text of its own
entry; every other entry keeps its order, its quotes and its comments. The result is read back before it is returned.

A key that the authenticator cannot parse does not affect the other keys: only that key cannot be edited.

Source: EKS user guide, "Grant IAM users access to Kubernetes with a ConfigMap"; aws-iam-authenticator, `pkg/mapper`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from eks_identity.errors import InvalidInput, MalformedDocumentError, Problem, Problems
from eks_identity.model import identities, yaml_edits, yaml_lists
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.identities import NODE_GROUPS, NODE_USERNAME_PREFIX, aws_auth_groups, aws_auth_username
from eks_identity.model.names import account_id

ROLES = "mapRoles"
USERS = "mapUsers"
ACCOUNTS = "mapAccounts"

_ARN_FIELD = {ROLES: "rolearn", USERS: "userarn"}
_FEDERATED = ":federated-user/"


@dataclass(frozen=True)
class UserMapping:
    """An aws-auth entry with the username and groups of one principal, in the form that the authenticator matches."""

    arn: str
    username: str
    groups: tuple[str, ...]

    @classmethod
    def of(
        cls,
        arn: str | Principal,
        groups: Sequence[str] | None = None,
        username: str | None = None,
        *,
        type: str = EntryType.STANDARD,  # noqa: A002 - EKS's word
    ) -> Self:
        """Return the mapping, with the path of a role's ARN removed; raise `InvalidInput` with all problems.

        A `type` for nodes sets username and groups.
        """
        with Problems() as problems:
            kind = problems.parse("type", EntryType.parse, type)
            principal = problems.parse("arn", Principal.of, arn)
            if kind is None:
                pass
            elif kind.is_for_nodes:
                problems.extend(identities.node_role_problems(kind, principal, groups, username))
                if not problems.items:
                    problems.extend(_not_in_aws_auth(kind))
            elif node := identities.node_identity_problems(principal, groups, username):
                problems.extend(node)
            else:
                problems.parse("groups", aws_auth_groups, groups)
                if principal is not None and username is not None:
                    problems.parse("username", aws_auth_username, username, principal)
        assert principal is not None
        assert kind is not None
        if kind.is_for_nodes:
            node_identity = identities.NODE_IDENTITIES[kind]
            return cls(principal.aws_auth_arn, node_identity.username, node_identity.groups)
        name = principal.default_username if username is None else username
        return cls(principal.aws_auth_arn, name, tuple(groups or ()))

    @property
    def key(self) -> str:
        """`mapRoles` or `mapUsers`."""
        return ROLES if Principal.parse(self.arn).kind is PrincipalKind.ROLE else USERS

    @property
    def is_for_nodes(self) -> bool:
        """Whether nodes join the cluster by this entry."""
        return _is_for_nodes(self.username, self.groups)

    def entry(self) -> dict[str, object]:
        """The entry as the ConfigMap holds it."""
        return {"groups": list(self.groups), _ARN_FIELD[self.key]: self.arn, "username": self.username}


@dataclass(frozen=True)
class Entry:
    """An existing entry as the authenticator reads it, valid or not."""

    key: str
    index: int
    arn: str
    """Empty if the entry has no ARN, or the ARN is not a string: such an entry matches no principal."""
    username: str | None
    """None if it is missing, empty or not a string: the principal then authenticates with an empty username."""
    groups: tuple[str, ...]
    """A group that is not a string is read as an empty string."""
    ignored: tuple[str, ...] = ()
    """Rules that the parts break which the authenticator does not read."""

    @property
    def location(self) -> str:
        """Location of the entry: `mapUsers[2] of ConfigMap kube-system/aws-auth`."""
        return f"{self.key}[{self.index}] of ConfigMap kube-system/aws-auth"

    @property
    def is_node(self) -> bool:
        """Whether nodes join the cluster by this entry: without it they cannot authenticate."""
        return _is_for_nodes(self.username or "", self.groups)

    @property
    def is_of_federated_user(self) -> bool:
        """Whether it maps a federated user. Their only ARN is the session's, and the authenticator matches it."""
        return _FEDERATED in self.arn.lower()

    def is_same(self, mapping: UserMapping) -> bool:
        """Return whether the entry equals `mapping`, apart from the case of the ARN and the order of groups."""
        return (self.arn.lower(), self.username, sorted(self.groups)) == (
            mapping.arn.lower(),
            mapping.username,
            sorted(mapping.groups),
        )

    def keeps_identity(self, mapping: UserMapping) -> bool:
        """Return whether nodes keep their username and all their groups if `mapping` replaces this entry."""
        return self.username == mapping.username and set(self.groups) <= set(mapping.groups)

    def __str__(self) -> str:
        return f"{self.location}: username {self.username!r}, groups {list(self.groups)}"


@dataclass(frozen=True)
class AwsAuth:
    """The data of the ConfigMap as the authenticator reads it. Immutable: every edit returns a new instance."""

    data: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    accounts: tuple[str | None, ...] = ()
    """The accounts of mapAccounts; None for an item that the authenticator does not read as an account id."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Parse error by key, for keys that the authenticator cannot parse."""

    @classmethod
    def parse(cls, data: Mapping[str, str] | None) -> Self:
        """Return the parsed `data` of the ConfigMap. The authenticator reads no entry of a broken key."""
        entries: list[Entry] = []
        accounts: list[str | None] = []
        broken: dict[str, str] = {}
        for key, text in (data or {}).items():
            try:
                if key in _ARN_FIELD:
                    entries += _entries(key, text)
                elif key == ACCOUNTS:
                    accounts = yaml_lists.scalars(text, key)
            except MalformedDocumentError as error:
                broken[key] = str(error)
        entries.sort(key=lambda entry: (entry.key, entry.index))
        return cls(dict(data or {}), tuple(entries), tuple(accounts), broken)

    def find(self, arn: str) -> tuple[Entry, ...]:
        """Return the entries of `arn`, the effective one last: roles win over users, and later entries over earlier."""
        matches = [entry for entry in self.entries if arn and entry.arn.lower() == arn.lower()]
        return tuple(sorted(matches, key=lambda entry: (entry.key == ROLES, entry.index)))

    def effective_entry(self, arn: str) -> Entry | None:
        """Return the entry that the authenticator uses for `arn`."""
        return next(reversed(self.find(arn)), None)

    def problems(self) -> list[Problem]:
        """Return the problems of existing entries with their locations. They do not block edits of other entries."""
        problems = [
            Problem(f"{key} of ConfigMap kube-system/aws-auth", "must be read by the authenticator", None, reason)
            for key, reason in self.broken.items()
        ]
        for key in filter(self.data.get, _ARN_FIELD):
            if yaml_lists.has_ignored_documents(self.data[key]):
                rule = "must be one YAML document: the authenticator ignores all after the first"
                fix = f"move the entries into the first: {_EDIT}"
                problems.append(Problem(f"{key} of ConfigMap kube-system/aws-auth", rule, None, fix))
        for entry in self.entries:
            problems += self._problems_of(entry)
        for index, account in enumerate(self.accounts):
            location = f"{ACCOUNTS}[{index}] of ConfigMap kube-system/aws-auth"
            check = Problems()
            check.parse(location, account_id, account or "")
            problems += check.items
        return problems

    def _problems_of(self, entry: Entry) -> list[Problem]:
        problems = [Problem(entry.location, rule, entry.arn or None, f"correct it: {_EDIT}") for rule in entry.ignored]
        if not entry.arn:
            rule = f"must have {_ARN_FIELD[entry.key]}: the authenticator ignores this entry"
            return problems or [Problem(entry.location, rule, None, f"write it, or remove the entry: {_EDIT}")]
        effective = self.effective_entry(entry.arn)
        if effective is not None and effective is not entry:
            rule = f"must be the only entry of its ARN, whatever its case: the authenticator uses {effective.location}"
            problems.append(Problem(entry.location, rule, entry.arn, f"remove one of the two: {_EDIT}"))
        if entry.username is None:
            rule = "must have a username, a non-empty string: an empty one is accepted, and the groups still apply"
            problems.append(Problem(entry.location, rule, None, f"write the username, in quotes: {_EDIT}"))
        try:
            principal = Principal.parse(entry.arn)
        except InvalidInput as error:
            wrong = [] if entry.is_of_federated_user else error.problems
            return problems + [problem.with_prefix(entry.location) for problem in wrong]
        if principal.aws_auth_arn.lower() != entry.arn.lower():
            rule = "must have no path in a role's ARN: the authenticator ignores this entry"
            problems.append(Problem(entry.location, rule, entry.arn, f"write {principal.aws_auth_arn}: {_EDIT}"))
        return problems

    def require_readable(self, key: str) -> None:
        """Raise `MalformedDocumentError` if `key` cannot be parsed, since its entries are then unknown."""
        if key in self.broken:
            raise MalformedDocumentError(self.broken[key])

    def add(self, mapping: UserMapping) -> AwsAuth:
        """Append `mapping` to its list; raise `InvalidInput` with the location if its ARN is already mapped."""
        existing = self.find(mapping.arn)
        if existing:
            raise InvalidInput([self._duplicate_problem(mapping, existing)])
        text = yaml_edits.append(self.data.get(mapping.key, ""), mapping.key, mapping.entry())
        return self._with(mapping.key, text)

    def change(self, mapping: UserMapping, own: UserMapping | None = None) -> AwsAuth:
        """Replace the entry of `mapping`'s ARN in place, or append `mapping` if the ARN has no entry.

        An entry of nodes is replaced only by a mapping with the same username and at least the same groups, or if the
        entry equals `own`, the previous mapping of the same declaration.
        """
        existing = self.find(mapping.arn)
        if not existing:
            return self.add(mapping)
        entry = existing[-1]
        is_own = own is not None and mapping.is_for_nodes and entry.is_same(own)
        if len(existing) > 1 or (entry.is_node and not entry.keeps_identity(mapping) and not is_own):
            raise InvalidInput([self._duplicate_problem(mapping, existing)])
        if entry.is_same(mapping) and entry.key == mapping.key:
            return self
        if entry.key != mapping.key:
            return self.without(entry).add(mapping)
        return self._with(entry.key, yaml_edits.replace(self.data[entry.key], entry.key, entry.index, mapping.entry()))

    def remove(self, mapping: UserMapping, *, nodes: bool = False) -> AwsAuth:
        """Remove the entry of `mapping`: of several entries for its ARN, only an equal one. Entries of nodes stay
        unless `nodes` is True.

        Raises `MalformedDocumentError` if the key of `mapping` cannot be parsed: the entry is still in its text.
        """
        self.require_readable(mapping.key)
        existing = [entry for entry in self.find(mapping.arn) if nodes or not entry.is_node]
        own = [entry for entry in existing if entry.is_same(mapping)] or (existing if len(existing) == 1 else [])
        return self.without(own[-1]) if own else self

    def without(self, entry: Entry) -> AwsAuth:
        """Remove an existing entry, whatever its principal."""
        return self._with(entry.key, yaml_edits.remove(self.data[entry.key], entry.key, entry.index))

    def _with(self, key: str, text: str) -> AwsAuth:
        data = {**self.data, key: text}
        if not text:
            del data[key]
        return AwsAuth.parse(data)

    @staticmethod
    def _duplicate_problem(mapping: UserMapping, existing: Sequence[Entry]) -> Problem:
        locations = " and ".join(map(str, existing))
        if len(existing) > 1:
            fix = f"keep only one of the entries: {locations}"
        elif existing[-1].is_node and not existing[-1].keeps_identity(mapping):
            rule = "must not replace an aws-auth entry of nodes with a different identity: nodes join by this entry"
            fix = f"declare another principal, or a type that gives nodes the username and groups of {locations}"
            return Problem("arn", rule, mapping.arn, fix)
        else:
            fix = (
                f"remove one of the two, the existing entry is {locations}; or set adopt to True to adopt that entry; "
                "if this declaration created it under another name, pass that name in opts.aliases instead; if an "
                f"interrupted update of this stack created it, remove it: run {_EDIT}, and update again"
            )
        rule = "must be mapped once, whatever its case: the authenticator uses only one of several entries of an ARN"
        return Problem("arn", rule, mapping.arn, fix)


_EDIT = "`kubectl -n kube-system edit configmap aws-auth`"


def _entries(key: str, text: str) -> list[Entry]:
    items = yaml_lists.items(text, key, _ARN_FIELD[key])
    return [
        Entry(key, index, item.arn, item.username or None, item.groups, item.ignored)
        for index, item in enumerate(items)
    ]


def _is_for_nodes(username: str, groups: Collection[str]) -> bool:
    return username.startswith(NODE_USERNAME_PREFIX) or not NODE_GROUPS.isdisjoint(groups)


def _not_in_aws_auth(kind: EntryType) -> list[Problem]:
    if kind in identities.NODE_IDENTITIES:
        return []
    types = ", ".join(identities.NODE_IDENTITIES)
    fix = f"declare the role in a ClusterAccess with type {kind}, which creates an access entry"
    return [Problem("type", f"must be one of {types} in aws-auth (EKS)", str(kind), fix)]
