"""The aws-auth ConfigMap: reads it as aws-iam-authenticator does, and adds, changes or removes one entry.

The ConfigMap holds YAML inside strings, shared by EKS, eksctl and users. An edit changes only the text of its own
entry; every other entry keeps its order, its quotes and its comments. The result is read back before it is returned.

Where the authenticator reads nothing of one key, the other keys count all the same: only that key cannot be edited.

Source: EKS user guide, "Grant IAM users access to Kubernetes with a ConfigMap"; aws-iam-authenticator, `pkg/mapper`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from eks_identity.errors import InvalidInput, MalformedDocumentError, Problem, Problems
from eks_identity.model import identities, yaml_lists
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
    """The username and groups of one principal: one entry, in the form that the authenticator matches."""

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
        """Reject, all at once, every input that would not do what it says. A role's path is removed.

        With a `type` for nodes, the type gives username and groups.
        """
        with Problems() as problems:
            kind = problems.parse("type", EntryType.parse, type)
            principal = problems.parse("arn", Principal.of, arn)
            if kind is None:
                pass
            elif kind.is_for_nodes:
                problems.extend(identities.node_role_problems(kind, principal, groups, username))
                if not problems.found:
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
        """Whether nodes join the cluster by it."""
        return _is_for_nodes(self.username, self.groups)

    def entry(self) -> dict[str, object]:
        """The entry as the ConfigMap holds it."""
        return {"groups": list(self.groups), _ARN_FIELD[self.key]: self.arn, "username": self.username}


@dataclass(frozen=True)
class Entry:
    """An existing entry as the authenticator reads it, whoever wrote it, right or wrong."""

    key: str
    index: int
    arn: str
    """Empty where the entry has none, or not as a string: then it matches nobody."""
    username: str | None
    """None where it is missing, empty or no string: then the principal authenticates with an empty name."""
    groups: tuple[str, ...]
    """A group that is no string is an empty one."""
    ignored: tuple[str, ...] = ()
    """What the authenticator does not read of it, in words."""

    @property
    def place(self) -> str:
        """Where it is written: `mapUsers[2] of ConfigMap kube-system/aws-auth`."""
        return f"{self.key}[{self.index}] of ConfigMap kube-system/aws-auth"

    @property
    def is_node(self) -> bool:
        """Whether nodes join the cluster by it: without it they can no longer authenticate."""
        return _is_for_nodes(self.username or "", self.groups)

    @property
    def is_of_federated_user(self) -> bool:
        """Whether it is for a federated user: their only ARN is the session's, and the authenticator matches that."""
        return _FEDERATED in self.arn.lower()

    def says(self, mapping: UserMapping) -> bool:
        """Whether it equals `mapping`, but for the case of the ARN and the order of groups."""
        return (self.arn.lower(), self.username, sorted(self.groups)) == (
            mapping.arn.lower(),
            mapping.username,
            sorted(mapping.groups),
        )

    def is_kept_by(self, mapping: UserMapping) -> bool:
        """Whether nodes keep their username and all of their groups with `mapping` in its place."""
        return self.username == mapping.username and set(self.groups) <= set(mapping.groups)

    def __str__(self) -> str:
        return f"{self.place}: username {self.username!r}, groups {list(self.groups)}"


@dataclass(frozen=True)
class AwsAuth:
    """The data of the ConfigMap, and what the authenticator reads of it. Immutable: every edit returns another one."""

    data: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    accounts: tuple[str | None, ...] = ()
    """The accounts of mapAccounts; None in place of what is no account id to the authenticator."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Why the authenticator reads nothing of a key."""

    @classmethod
    def parse(cls, data: Mapping[str, str] | None) -> Self:
        """Read the ConfigMap's `data` as the authenticator does: of a key that is broken it reads nothing."""
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
        """The entries of `arn`, the one that counts last: a role's before a user's, and of several the last one."""
        found = [entry for entry in self.entries if arn and entry.arn.lower() == arn.lower()]
        return tuple(sorted(found, key=lambda entry: (entry.key == ROLES, entry.index)))

    def lets_in(self, arn: str) -> Entry | None:
        """The entry that gives `arn` its username and groups."""
        return next(reversed(self.find(arn)), None)

    def problems(self) -> list[Problem]:
        """What is wrong with existing entries, each with its place; nothing here stops an edit of another entry."""
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
            place = f"{ACCOUNTS}[{index}] of ConfigMap kube-system/aws-auth"
            check = Problems()
            check.parse(place, account_id, account or "")
            problems += check.found
        return problems

    def _problems_of(self, entry: Entry) -> list[Problem]:
        problems = [Problem(entry.place, note, entry.arn or None, f"correct it: {_EDIT}") for note in entry.ignored]
        if not entry.arn:
            rule = f"must have {_ARN_FIELD[entry.key]}: the authenticator ignores this entry"
            return problems or [Problem(entry.place, rule, None, f"write it, or remove the entry: {_EDIT}")]
        winner = self.lets_in(entry.arn)
        if winner is not None and winner is not entry:
            rule = f"must be the only entry of its ARN, whatever its case: the authenticator takes {winner.place}"
            problems.append(Problem(entry.place, rule, entry.arn, f"remove one of the two: {_EDIT}"))
        if entry.username is None:
            rule = "must have a username that is a string and not empty: the name is empty, and the groups still count"
            problems.append(Problem(entry.place, rule, None, f"write the username, in quotes: {_EDIT}"))
        try:
            principal = Principal.parse(entry.arn)
        except InvalidInput as error:
            wrong = [] if entry.is_of_federated_user else error.problems
            return problems + [problem.under(entry.place) for problem in wrong]
        if principal.aws_auth_arn.lower() != entry.arn.lower():
            rule = "must have no path in a role's ARN: the authenticator ignores this entry"
            problems.append(Problem(entry.place, rule, entry.arn, f"write {principal.aws_auth_arn}: {_EDIT}"))
        return problems

    def require_readable(self, key: str) -> None:
        """Raise `MalformedDocumentError` if `key` is broken: whether an entry is in it cannot be said."""
        if key in self.broken:
            raise MalformedDocumentError(self.broken[key])

    def add(self, mapping: UserMapping) -> AwsAuth:
        """With `mapping` at the end of its list; rejected where its ARN is mapped already, with the place."""
        present = self.find(mapping.arn)
        if present:
            raise InvalidInput([self._mapped_already(mapping, present)])
        text = yaml_lists.append(self.data.get(mapping.key, ""), mapping.key, mapping.entry())
        return self._with(mapping.key, text)

    def change(self, mapping: UserMapping, own: UserMapping | None = None) -> AwsAuth:
        """With the entry of `mapping`'s ARN replaced by `mapping`, in its place; added where there is none.

        An entry of nodes is replaced only by one that gives nodes at least the same, or where it equals `own`, the
        mapping that this one follows.
        """
        present = self.find(mapping.arn)
        if not present:
            return self.add(mapping)
        entry = present[-1]
        is_own = own is not None and mapping.is_for_nodes and entry.says(own)
        if len(present) > 1 or (entry.is_node and not entry.is_kept_by(mapping) and not is_own):
            raise InvalidInput([self._mapped_already(mapping, present)])
        if entry.says(mapping) and entry.key == mapping.key:
            return self
        if entry.key != mapping.key:
            return self._without(entry).add(mapping)
        return self._with(entry.key, yaml_lists.replace(self.data[entry.key], entry.key, entry.index, mapping.entry()))

    def remove(self, mapping: UserMapping, *, nodes: bool = False) -> AwsAuth:
        """Without `mapping`: of several entries for its ARN, only an equal one. Entries of nodes only with `nodes`.

        Raises `MalformedDocumentError` if the key of `mapping` is broken: the entry is still in its text.
        """
        self.require_readable(mapping.key)
        present = [entry for entry in self.find(mapping.arn) if nodes or not entry.is_node]
        own = [entry for entry in present if entry.says(mapping)] or (present if len(present) == 1 else [])
        return self._without(own[-1]) if own else self

    def _without(self, entry: Entry) -> AwsAuth:
        return self._with(entry.key, yaml_lists.remove(self.data[entry.key], entry.key, entry.index))

    def _with(self, key: str, text: str) -> AwsAuth:
        data = {**self.data, key: text}
        if not text:
            del data[key]
        return AwsAuth.parse(data)

    @staticmethod
    def _mapped_already(mapping: UserMapping, present: Sequence[Entry]) -> Problem:
        places = " and ".join(map(str, present))
        if len(present) > 1:
            fix = f"leave only one of the entries: {places}"
        elif present[-1].is_node and not present[-1].is_kept_by(mapping):
            rule = "must not be changed in aws-auth to something else: nodes join the cluster by this entry"
            fix = f"declare another principal, or a type that gives nodes the username and groups of {places}"
            return Problem("arn", rule, mapping.arn, fix)
        else:
            fix = (
                f"there is {places}; remove one of the two, or set adopt to True here to adopt that entry; where it is "
                "this declaration's own under another name, pass that name in opts.aliases instead"
            )
        rule = "must be mapped once, whatever its case: of several entries of an ARN the authenticator takes one alone"
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
    return [Problem("type", f"must be one of {types} in aws-auth (EKS)", str(kind), "use an access entry")]
