"""The aws-auth ConfigMap: one entry is added, changed or taken out, and everybody else's stay as they were written.

The ConfigMap holds YAML inside strings, shared by EKS, eksctl and people. So an edit touches only the lines of its own
entry; what others wrote keeps its order, its quotes and its comments. The result is read back before it is returned,
and where the lines of an entry cannot be told apart (flow style), ruamel.yaml writes the list anew.

Source: EKS user guide, "Grant IAM users access to Kubernetes with a ConfigMap"; aws-iam-authenticator, `pkg/mapper`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import yaml_lists
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.identities import NODE_GROUPS, NODE_USERNAME_PREFIX, aws_auth_groups, aws_auth_username

ROLES = "mapRoles"
USERS = "mapUsers"
ACCOUNTS = "mapAccounts"

_ARN_FIELD = {ROLES: "rolearn", USERS: "userarn"}


@dataclass(frozen=True)
class UserMapping:
    """What a principal becomes in the cluster: one entry of ours, in the form that the authenticator matches."""

    arn: str
    username: str
    groups: tuple[str, ...]

    @classmethod
    def of(cls, arn: str, groups: Sequence[str], username: str | None = None) -> Self:
        """Refuses, all at once, every input that would not do what it says. A role's path is removed."""
        with Problems() as problems:
            principal = problems.take("arn", Principal.parse, arn)
            problems.take("groups", aws_auth_groups, groups)
            if principal is not None and username is not None:
                problems.take("username", aws_auth_username, username, principal)
        assert principal is not None
        name = principal.default_username if username is None else username
        return cls(principal.aws_auth_arn, name, tuple(groups))

    @property
    def key(self) -> str:
        """`mapRoles` or `mapUsers`."""
        return ROLES if Principal.parse(self.arn).kind is PrincipalKind.ROLE else USERS

    def entry(self) -> dict[str, object]:
        """The entry as the ConfigMap holds it."""
        return {"groups": list(self.groups), _ARN_FIELD[self.key]: self.arn, "username": self.username}


@dataclass(frozen=True)
class Entry:
    """An entry that is there, whoever wrote it, right or wrong."""

    key: str
    index: int
    arn: str
    username: str | None
    """None where it is missing or no string: then the principal authenticates with an empty name."""
    groups: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it is written: `mapUsers[2] of ConfigMap kube-system/aws-auth`."""
        return f"{self.key}[{self.index}] of ConfigMap kube-system/aws-auth"

    @property
    def is_node(self) -> bool:
        """Whether nodes join the cluster by it: taking it out would put them out."""
        return (self.username or "").startswith(NODE_USERNAME_PREFIX) or not NODE_GROUPS.isdisjoint(self.groups)

    def says(self, mapping: UserMapping) -> bool:
        """Whether it is `mapping`, to the letter (but for the case of the ARN and the order of groups)."""
        return (self.arn.lower(), self.username, sorted(self.groups)) == (
            mapping.arn.lower(),
            mapping.username,
            sorted(mapping.groups),
        )

    def __str__(self) -> str:
        return f"{self.place}: username {self.username!r}, groups {list(self.groups)}"


@dataclass(frozen=True)
class AwsAuth:
    """The data of the ConfigMap, and what it says. Immutable: every edit returns another one."""

    data: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, str] | None) -> Self:
        """Reads the ConfigMap's `data`; raises `MalformedDocumentError` for what the authenticator cannot read."""
        found: list[Entry] = []
        for key, arn_field in _ARN_FIELD.items():
            for index, item in enumerate(yaml_lists.mappings((data or {}).get(key, ""), key)):
                # The authenticator reads names of fields without regard to case.
                fields = {str(name).lower(): value for name, value in item.items()}
                username, groups = fields.get("username"), fields.get("groups")
                found.append(
                    Entry(
                        key,
                        index,
                        str(fields.get(arn_field) or ""),
                        username if isinstance(username, str) and username else None,
                        tuple(map(str, groups)) if isinstance(groups, list) else (),
                    )
                )
        yaml_lists.scalars((data or {}).get(ACCOUNTS, ""), ACCOUNTS)
        return cls(dict(data or {}), tuple(found))

    def find(self, arn: str) -> tuple[Entry, ...]:
        """The entries that the authenticator takes for `arn`; of several, the last one wins, silently."""
        return tuple(entry for entry in self.entries if entry.arn.lower() == arn.lower())

    def lets_in(self, arn: str) -> Entry | None:
        """The entry by which the authenticator lets `arn` in: the last one, and one of a role before one of a user."""
        return max(self.find(arn) if arn else (), key=lambda entry: (entry.key == ROLES, entry.index), default=None)

    def problems(self) -> list[Problem]:
        """What is wrong with the entries that are there, each with its place; nothing here stops an edit."""
        problems: list[Problem] = []
        for position, entry in enumerate(self.entries):
            earlier = [
                other for other in self.entries[:position] if entry.arn and other.arn.lower() == entry.arn.lower()
            ]
            problems += [
                Problem(
                    entry.place,
                    "an ARN is mapped once, whatever its case; of several entries the last one wins",
                    entry.arn,
                    f"take this one or {other.place} out",
                )
                for other in earlier
            ]
            if entry.username is None:
                rule = "a username is a string, not empty; without one the name is empty and the groups still count"
                problems.append(Problem(entry.place, rule, entry.username, "write a username, in quotes"))
            try:
                principal = Principal.parse(entry.arn)
            except InvalidInput as refusal:
                problems += [problem.under(entry.place) for problem in refusal.problems]
            else:
                if principal.aws_auth_arn.lower() != entry.arn.lower():
                    rule = "a role's path is removed in aws-auth; with it, the entry matches nobody"
                    problems.append(Problem(entry.place, rule, entry.arn, f"write {principal.aws_auth_arn}"))
        problems += [
            Problem(
                f"{ACCOUNTS}[{index}]",
                "an account id is a string of twelve digits, in quotes",
                account,
                "put it in quotes",
            )
            for index, account in enumerate(yaml_lists.scalars(self.data.get(ACCOUNTS, ""), ACCOUNTS))
            if not isinstance(account, str)
        ]
        return problems

    def add(self, mapping: UserMapping) -> AwsAuth:
        """With `mapping` at the end of its list; refused where its ARN is mapped already, with the place."""
        present = self.find(mapping.arn)
        if present:
            raise InvalidInput([self._mapped_already(mapping, present)])
        text = yaml_lists.append(self.data.get(mapping.key, ""), mapping.key, mapping.entry())
        return self._with(mapping.key, text)

    def change(self, mapping: UserMapping) -> AwsAuth:
        """With the entry of `mapping`'s ARN saying what `mapping` says, in its place; added where there is none."""
        present = self.find(mapping.arn)
        if not present:
            return self.add(mapping)
        entry = present[0]
        if len(present) > 1 or entry.is_node:
            raise InvalidInput([self._mapped_already(mapping, present)])
        if entry.says(mapping) and entry.key == mapping.key:
            return self
        if entry.key != mapping.key:
            return self._without(entry).add(mapping)
        return self._with(entry.key, yaml_lists.replace(self.data[entry.key], entry.key, entry.index, mapping.entry()))

    def remove(self, mapping: UserMapping) -> AwsAuth:
        """Without `mapping`: of several entries for its ARN only the one that says the same. A node's entry stays."""
        present = [entry for entry in self.find(mapping.arn) if not entry.is_node]
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
        if any(entry.is_node for entry in present):
            return Problem(
                "arn",
                "nodes join the cluster by this entry, so it is neither changed nor taken over",
                mapping.arn,
                f"map another principal, and leave {places}",
            )
        if len(present) > 1:
            fix = f"leave only one of the entries: {places}"
        else:
            fix = (
                f"there is {places}; take one of the two out, or set adopt to True here to take that entry over; where "
                "it is this declaration's own under another name, give that name in opts.aliases instead"
            )
        return Problem(
            "arn",
            "an ARN is mapped once, whatever its case; of several entries the last one wins, silently",
            mapping.arn,
            fix,
        )
