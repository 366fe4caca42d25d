"""From aws-auth to access entries, as a plan: what becomes what, what is there already, and what has no equal.

Nothing here asks AWS or a cluster. `plan` takes what they said, so that the same plan is made for a preview, before the
write, and after it to see that nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import ACCOUNTS, AwsAuth, Entry
from eks_identity.model.equals import Equal, equal
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.lockout import same_principal


@dataclass(frozen=True)
class Resolution:
    """What is known of the IAM principal behind an ARN of aws-auth, which has no role's path."""

    arn: str | None
    """The ARN with its path; None where nobody knows."""
    why: str = ""
    """Why nobody knows."""


class Todo(StrEnum):
    """What is to be done for an access entry."""

    MAKE = "make"
    ASSOCIATE = "associate"
    """The entry is there, its access policy is not."""
    NOTHING = "nothing"
    CONFLICT = "conflict"
    """There is one, and it says something else. EKS takes that one, so nothing is lost with aws-auth."""


@dataclass(frozen=True)
class Step:
    """One entry of aws-auth and the access entry that it becomes."""

    source: Entry
    equal: Equal
    found: ExistingEntry | None

    @property
    def todo(self) -> Todo:
        if self.found is None:
            return Todo.MAKE
        if not self.equal.same_identity(self.found):
            return Todo.CONFLICT
        return Todo.ASSOCIATE if self.equal.administrator and not self.found.is_cluster_admin else Todo.NOTHING

    @property
    def entry(self) -> ExistingEntry:
        """The access entry after the step."""
        if self.found is None:
            entry = self.equal.entry
            made = ExistingEntry(
                entry.principal.arn, entry.username or "", entry.kubernetes_groups, type=entry.type.value
            )
        else:
            made = self.found
        if not self.equal.administrator or self.todo not in {Todo.MAKE, Todo.ASSOCIATE}:
            return made
        policy = AssociatedPolicy(access_policy_arn(self.equal.entry.principal.partition, CLUSTER_ADMIN))
        return replace(made, policies=(*made.policies, policy))

    @property
    def is_pending(self) -> bool:
        return self.todo in {Todo.MAKE, Todo.ASSOCIATE}

    def __str__(self) -> str:
        place = f"{self.source.key}[{self.source.index}]"
        match self.todo:
            case Todo.MAKE:
                return f"{place} → access entry of {self.equal}"
            case Todo.ASSOCIATE:
                return f"{place} → access policy for the access entry that is there, of {self.equal}"
            case Todo.NOTHING:
                return f"{place}: there already, the access entry of {self.equal}"
            case Todo.CONFLICT:
                return (
                    f"{place}: conflict, {self.source.arn} has an access entry, which EKS takes and which stays: "
                    f"{self.found}; aws-auth says username {self.source.username!r}, groups {list(self.source.groups)}"
                )


@dataclass(frozen=True)
class LeftBehind:
    """Something in aws-auth that no access entry will stand in for: with mode API it is gone."""

    name: str
    """What `accept_loss_of` calls it: the ARN as aws-auth has it, or the account id."""
    place: str
    why: str

    def problem(self) -> Problem:
        fix = f"let whom it lets in come in by access entries of their own, or name {self.name} in accept_loss_of"
        return Problem("accept_loss_of", f"with mode API it is out: {self.why}", f"{self.place} {self.name}", fix)

    def __str__(self) -> str:
        return f"{self.place}: left behind, {self.name}: {self.why}"


@dataclass(frozen=True)
class MigrationPlan:
    """What is to be done with every entry of aws-auth, in its order."""

    steps: tuple[Step, ...] = ()
    not_migrated: tuple[LeftBehind, ...] = ()
    idle: tuple[str, ...] = ()
    """What is not missed: it matches nobody today, or its principal has an access entry that says something else."""

    @property
    def pending(self) -> list[Step]:
        return [step for step in self.steps if step.is_pending]

    def lines(self) -> list[str]:
        """The plan to read: one line each."""
        return [*map(str, self.steps), *map(str, self.not_migrated), *self.idle]

    def unnamed(self, accept_loss_of: Collection[str]) -> list[Problem]:
        """What is left behind that nobody named."""
        return [left.problem() for left in self.not_migrated if not _named(left.name, accept_loss_of)]

    def entry_of(self, principal: Principal) -> ExistingEntry | None:
        """The access entry of a principal when the plan is carried out; None if the plan is not about it."""
        steps = (step for step in self.steps if same_principal(principal, step.equal.entry.principal))
        return next((step.entry for step in steps), None)


def steps_to(mode: AuthenticationMode, to: AuthenticationMode) -> list[AuthenticationMode]:
    """The modes to go through. Refuses to go back, which EKS does not know."""
    modes = list(AuthenticationMode)
    if modes.index(to) < modes.index(mode):
        rule = "authentication modes go one way: CONFIG_MAP, API_AND_CONFIG_MAP, API (EKS)"
        fix = (
            f"the cluster has {mode} already: write target_mode: {mode}, or take the migration out; its deletion "
            "changes nothing"
        )
        raise InvalidInput([Problem("target_mode", rule, str(to), fix)])
    return modes[modes.index(mode) + 1 : modes.index(to) + 1]


def counting(document: AwsAuth) -> tuple[dict[Entry, Principal], list[str]]:
    """The entries that let somebody in today, with whom; and those that match nobody, with why."""
    matched: dict[Entry, Principal] = {}
    idle = [f"{key}: does nothing today, {why.splitlines()[0]}" for key, why in document.broken.items()]
    for entry in document.entries:
        if entry.is_of_federated_user:
            continue  # it counts, and has no equal: see `plan`
        place = f"{entry.key}[{entry.index}]: does nothing today, {entry.arn}"
        try:
            principal = Principal.parse(entry.arn)
        except InvalidInput as refusal:
            idle.append(f"{place}: {refusal.problems[0].rule}")
            continue
        winner = document.lets_in(entry.arn)
        if principal.aws_auth_arn.lower() != entry.arn.lower():
            idle.append(f"{place}: a role's path is removed in aws-auth; with it, the entry matches nobody")
        elif winner is not entry and winner is not None:
            idle.append(f"{place}: {winner.key}[{winner.index}] maps the same ARN, and the last one wins")
        else:
            matched[entry] = principal
    return matched, idle


def plan(
    document: AwsAuth,
    existing: Iterable[ExistingEntry],
    resolved: Mapping[str, Resolution],
    *,
    account: str,
    accept_loss_of: Collection[str] = (),
) -> MigrationPlan:
    """The plan for a cluster of `account`, whose aws-auth says `document` and which has the access entries `existing`.

    `resolved` has the principal of each ARN that counts, in lower case. What `accept_loss_of` names gets no access
    entry; a group named there is dropped from those that are made.
    """
    there = list(existing)
    matched, idle = counting(document)
    steps: list[Step] = []
    left: list[LeftBehind] = []
    for entry, principal in matched.items():
        place, known = f"{entry.key}[{entry.index}]", resolved[entry.arn.lower()]
        found = _entry_of(principal, known, there)
        try:
            steps.append(Step(entry, _becomes(entry, known, account, accept_loss_of), found))
        except InvalidInput as refusal:
            why = "; ".join(_reason(problem) for problem in refusal.problems)
            if found is None:
                left.append(LeftBehind(entry.arn, place, why))
            else:
                idle.append(f"{place}: {entry.arn} has an access entry, which EKS takes and which stays: {found}")
    for entry in document.entries:
        if entry.is_of_federated_user and document.lets_in(entry.arn) is entry:
            why = "an access entry is for an IAM user or role, never for a federated user"
            left.append(LeftBehind(entry.arn, f"{entry.key}[{entry.index}]", why))
    for index, number in enumerate(document.accounts):
        why = "an access entry is for one principal, never for all of an account"
        left.append(LeftBehind(number or "", f"{ACCOUNTS}[{index}]", why))
    return MigrationPlan(tuple(steps), tuple(left), tuple(idle))


def _becomes(entry: Entry, known: Resolution, account: str, accept_loss_of: Collection[str]) -> Equal:
    if _named(entry.arn, accept_loss_of):
        raise InvalidInput([Problem("", "named in accept_loss_of", None, "")])
    if known.arn is None:
        raise InvalidInput([Problem("", known.why, None, "")])
    return equal(entry, known.arn, account=account, dropped=accept_loss_of)


def _entry_of(principal: Principal, known: Resolution, existing: Iterable[ExistingEntry]) -> ExistingEntry | None:
    """The access entry that is there; where nobody knows the principal's path, the one with whatever path."""
    for entry in existing:
        if known.arn is not None and entry.principal_arn.lower() == known.arn.lower():
            return entry
        if known.arn is None and same_principal(principal, Principal.parse(entry.principal_arn)):
            return entry
    return None


def _reason(problem: Problem) -> str:
    return problem.rule if problem.value is None else f"{problem.rule}, and it has {problem.value!r}"


def _named(name: str, names: Iterable[str]) -> bool:
    if name.lower() in {other.lower() for other in names}:
        return True
    try:
        who = Principal.parse(name)
    except InvalidInput:
        return False
    for other in names:
        try:
            if same_principal(who, Principal.parse(other)):
                return True
        except InvalidInput:
            continue
    return False
