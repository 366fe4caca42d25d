"""The plan of a migration from aws-auth to access entries.

`plan` compares the access entries that are equivalent to those of aws-auth with the existing ones. It queries neither
AWS nor a cluster: the caller passes their state. The caller makes the same plan for the preview, before the write, and
after it to verify that no step is pending.

Source: EKS user guide, "Migrating existing aws-auth ConfigMap entries to access entries"; EKS API, CreateAccessEntry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import ACCOUNTS, AwsAuth, Entry
from eks_identity.model.equivalent_entries import EquivalentEntry, convert_entry
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.lockout import same_principal


@dataclass(frozen=True)
class Resolution:
    """The IAM principal of an ARN in aws-auth, which has no path for a role."""

    arn: str | None
    """The ARN with its path; None if the principal could not be resolved."""
    reason: str = ""
    """Why the principal could not be resolved."""


class StepAction(StrEnum):
    """The action of a step for one access entry."""

    MAKE = "make"
    ASSOCIATE = "associate"
    """The access entry exists without its access policy."""
    NOTHING = "nothing"
    CONFLICT = "conflict"
    """An access entry with another identity exists. EKS uses it already, so it stays in use without aws-auth."""


@dataclass(frozen=True)
class Step:
    """The migration of one aws-auth entry to an access entry."""

    source: Entry
    equal: EquivalentEntry
    existing: ExistingEntry | None

    @property
    def todo(self) -> StepAction:
        if self.existing is None:
            return StepAction.MAKE
        if not self.equal.same_identity(self.existing):
            return StepAction.CONFLICT
        return (
            StepAction.ASSOCIATE
            if self.equal.administrator and not self.existing.is_cluster_admin
            else StepAction.NOTHING
        )

    @property
    def entry(self) -> ExistingEntry:
        """The access entry after the step."""
        if self.existing is None:
            entry = self.equal.entry
            created = ExistingEntry(
                entry.principal.arn, entry.username or "", entry.kubernetes_groups, type=entry.type.value
            )
        else:
            created = self.existing
        if not self.equal.administrator or self.todo not in {StepAction.MAKE, StepAction.ASSOCIATE}:
            return created
        policy = AssociatedPolicy(access_policy_arn(self.equal.entry.principal.partition, CLUSTER_ADMIN))
        return replace(created, policies=(*created.policies, policy))

    @property
    def is_pending(self) -> bool:
        return self.todo in {StepAction.MAKE, StepAction.ASSOCIATE}

    def __str__(self) -> str:
        location = f"{self.source.key}[{self.source.index}]"
        match self.todo:
            case StepAction.MAKE:
                return f"{location} → access entry of {self.equal}"
            case StepAction.ASSOCIATE:
                return f"{location} → access policy for the existing access entry of {self.equal}"
            case StepAction.NOTHING:
                return f"{location}: existing access entry of {self.equal}"
            case StepAction.CONFLICT:
                return (
                    f"{location}: conflict, {self.source.arn} has an access entry, which EKS uses and which stays: "
                    f"{self.existing}; aws-auth has username {self.source.username!r}, "
                    f"groups {list(self.source.groups)}"
                )


@dataclass(frozen=True)
class UnmigratedEntry:
    """An aws-auth entry or account that gets no access entry, and loses its access with mode API."""

    name: str
    """The item of `accept_loss_of`: the ARN as in aws-auth, or the account id."""
    location: str
    reason: str
    before: str = ""
    """An imperative that keeps the access of its principals, for the fix; empty if there is none."""

    def problem(self) -> Problem:
        rule = f"must name each aws-auth entry that loses its access with mode API: {self.reason}"
        fix = f"{self.before}add {self.name} to accept_loss_of"
        return Problem("accept_loss_of", rule, f"{self.location} {self.name}", fix)

    def __str__(self) -> str:
        return f"{self.location}: not migrated, {self.name}: {self.reason}"


@dataclass(frozen=True)
class MigrationPlan:
    """The steps for every aws-auth entry, in their order in aws-auth."""

    steps: tuple[Step, ...] = ()
    not_migrated: tuple[UnmigratedEntry, ...] = ()
    inactive: tuple[str, ...] = ()
    """Entries without effect: they match no principal, or the access entry of their principal wins."""

    @property
    def pending(self) -> list[Step]:
        return [step for step in self.steps if step.is_pending]

    def lines(self) -> list[str]:
        """Return the plan as text, one line for each entry."""
        return [*map(str, self.steps), *map(str, self.not_migrated), *self.inactive]

    def unnamed(self, accept_loss_of: Collection[str]) -> list[Problem]:
        """Return the problems of entries that are not migrated and not named in `accept_loss_of`."""
        return [entry.problem() for entry in self.not_migrated if not _is_named(entry.name, accept_loss_of)]

    def entry_of(self, principal: Principal) -> ExistingEntry | None:
        """Return the access entry of a principal after the plan; None if the plan has no step for it."""
        steps = (step for step in self.steps if same_principal(principal, step.equal.entry.principal))
        return next((step.entry for step in steps), None)


_CREATE_ENTRY: Final = "create an access entry for its principal first, in mode API_AND_CONFIG_MAP; or "
_CREATE_ENTRIES: Final = (
    "create access entries for the account's principals that need access, in mode API_AND_CONFIG_MAP; and "
)


def steps_to(mode: AuthenticationMode, to: AuthenticationMode) -> list[AuthenticationMode]:
    """Return the modes to change to, in order; raise `InvalidInput` for an earlier mode, which EKS rejects."""
    modes = list(AuthenticationMode)
    if modes.index(to) < modes.index(mode):
        rule = f"must not be before the cluster's mode {mode} in CONFIG_MAP, API_AND_CONFIG_MAP, API (EKS)"
        fix = f"set target_mode to {mode}, or remove the migration; its deletion changes nothing"
        raise InvalidInput([Problem("target_mode", rule, str(to), fix)])
    return modes[modes.index(mode) + 1 : modes.index(to) + 1]


def effective_entries(document: AwsAuth) -> tuple[dict[Entry, Principal], list[str]]:
    """Return the entries in effect with their principals, and descriptions of the entries without effect."""
    effective: dict[Entry, Principal] = {}
    inactive = [f"{key}: has no effect, {error.splitlines()[0]}" for key, error in document.broken.items()]
    for entry in document.entries:
        if entry.is_of_federated_user:
            continue  # it has an effect, and no equivalent access entry: see `plan`
        description = f"{entry.key}[{entry.index}]: has no effect, {entry.arn}"
        try:
            principal = Principal.parse(entry.arn)
        except InvalidInput as error:
            inactive.append(f"{description}: {error.problems[0].rule}")
            continue
        used_entry = document.effective_entry(entry.arn)
        if principal.aws_auth_arn.lower() != entry.arn.lower():
            inactive.append(f"{description}: must have no path in a role's ARN, or it matches no principal")
        elif used_entry is not entry and used_entry is not None:
            inactive.append(
                f"{description}: {used_entry.key}[{used_entry.index}] maps the same ARN, and the last entry wins"
            )
        else:
            effective[entry] = principal
    return effective, inactive


def plan(
    document: AwsAuth,
    existing: Iterable[ExistingEntry],
    resolved: Mapping[str, Resolution],
    *,
    account: str,
    accept_loss_of: Collection[str] = (),
) -> MigrationPlan:
    """Return the plan for a cluster of `account` with the aws-auth `document` and the `existing` access entries.

    `resolved` has the principal of each ARN in effect, by the ARN in lower case. Principals in `accept_loss_of` get no
    access entry; groups in it are removed from created entries.
    """
    access_entries = list(existing)
    effective, inactive = effective_entries(document)
    steps: list[Step] = []
    unmigrated: list[UnmigratedEntry] = []
    for entry, principal in effective.items():
        location, resolution = f"{entry.key}[{entry.index}]", resolved[entry.arn.lower()]
        access_entry = _entry_of(principal, resolution, access_entries)
        try:
            steps.append(Step(entry, _convert(entry, resolution, account, accept_loss_of), access_entry))
        except InvalidInput as error:
            reason = "; ".join(_describe(problem) for problem in error.problems)
            if access_entry is None:
                unmigrated.append(UnmigratedEntry(entry.arn, location, reason, _CREATE_ENTRY))
            else:
                inactive.append(
                    f"{location}: {entry.arn} has an access entry, which EKS uses and which stays: {access_entry}"
                )
    for entry in document.entries:
        if entry.is_of_federated_user and document.effective_entry(entry.arn) is entry:
            reason = "an access entry must be for an IAM user or role, not for a federated user"
            unmigrated.append(UnmigratedEntry(entry.arn, f"{entry.key}[{entry.index}]", reason))
    for index, number in enumerate(document.accounts):
        if not number:
            inactive.append(f"{ACCOUNTS}[{index}]: has no effect, it is not an account id")
            continue
        reason = "an access entry must be for one principal, not for all principals of an account"
        unmigrated.append(UnmigratedEntry(number, f"{ACCOUNTS}[{index}]", reason, _CREATE_ENTRIES))
    return MigrationPlan(tuple(steps), tuple(unmigrated), tuple(inactive))


def _convert(entry: Entry, resolution: Resolution, account: str, accept_loss_of: Collection[str]) -> EquivalentEntry:
    if _is_named(entry.arn, accept_loss_of):
        raise InvalidInput([Problem("", "named in accept_loss_of", None, "")])
    if resolution.arn is None:
        raise InvalidInput([Problem("", resolution.reason, None, "")])
    return convert_entry(entry, resolution.arn, account=account, dropped=accept_loss_of)


def _entry_of(principal: Principal, resolution: Resolution, existing: Iterable[ExistingEntry]) -> ExistingEntry | None:
    """Return the existing access entry of a principal, with any path if the principal's path is not resolved."""
    for entry in existing:
        if resolution.arn is not None and entry.principal_arn.lower() == resolution.arn.lower():
            return entry
        if resolution.arn is None and same_principal(principal, Principal.parse(entry.principal_arn)):
            return entry
    return None


def _describe(problem: Problem) -> str:
    return problem.rule if problem.value is None else f"{problem.rule}, and it has {problem.value!r}"


def _is_named(name: str, names: Iterable[str]) -> bool:
    if name.lower() in {other.lower() for other in names}:
        return True
    try:
        principal = Principal.parse(name)
    except InvalidInput:
        return False
    for other in names:
        try:
            if same_principal(principal, Principal.parse(other)):
                return True
        except InvalidInput:
            continue
    return False
