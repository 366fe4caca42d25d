"""Reads the status of a cluster's migration from aws-auth to access entries, and makes its pending changes."""

from dataclasses import dataclass, replace

from tenacity import retry, retry_if_result, stop_after_delay, wait_exponential

from eks_identity import clients
from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import administrators, caller_lockout_problems
from eks_identity.errors import AwsDeniedError, AwsError, InvalidInput, Problem
from eks_identity.model import lockout
from eks_identity.model.access_entries import AuthenticationMode, EntryType
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.existing_entries import ExistingEntry
from eks_identity.model.migration import MigrationPlan, Resolution, Step, StepAction, effective_entries, plan, steps_to
from eks_identity.runtime.dynamic_provider import Properties, print_message

READ_BACK_SECONDS = 60
"""How long EKS may take to return created entries."""


@dataclass(frozen=True)
class MigrationResult:
    """The result of one update of a migration."""

    lines: list[str]
    """The plan."""
    not_migrated: list[str]
    mode: AuthenticationMode
    created: tuple[ExistingEntry, ...] = ()
    """The access entries that it created, or whose access policy it associated, as EKS returns them."""


@dataclass(frozen=True)
class MigrationStatus:
    """A cluster's current mode, and its pending changes."""

    mode: AuthenticationMode
    modes: tuple[AuthenticationMode, ...]
    """The pending modes, in their order."""
    plan: MigrationPlan
    loss_problems: tuple[Problem, ...] = ()
    """Why mode API is rejected."""
    lockout_problems: tuple[Problem, ...] = ()
    """Why every change is rejected: the caller or the last administrator would lose rights."""

    @property
    def pending(self) -> int:
        """The number of pending changes."""
        return len(self.modes) + len(self.plan.pending)

    def lines(self) -> list[str]:
        """Return the plan to print: the first mode before the entries, API after them."""
        modes = [f"authentication mode becomes {mode}" for mode in self.modes]
        last = modes[-1:] if AuthenticationMode.API in self.modes else []
        return [*modes[: len(modes) - len(last)], *self.plan.lines(), *last]


class MigrationRunner:
    """The migration of one cluster. `props` are the inputs of `AuthenticationModeMigration`."""

    def __init__(self, props: Properties, credentials: str) -> None:
        self._api = clients.EksApi.of(props, credentials)
        self._iam = clients.IamLookup(props["region"], credentials)
        self._props = props
        self._credentials = credentials
        self._target_mode = AuthenticationMode.parse(props["target_mode"])
        self._full_arns = {arn.lower(): full for arn, full in (props.get("principals") or {}).items()}
        self._accept_loss_of: list[str] = props.get("accept_loss_of") or []

    def get_mode(self) -> AuthenticationMode | None:
        """Return the cluster's mode; None if the cluster does not exist."""
        return self._api.get_authentication_mode()

    def read_status(self) -> MigrationStatus:
        """Read the cluster, without a change. Raise `InvalidInput` for an earlier target mode."""
        mode = self._api.get_authentication_mode()
        if mode is None:
            raise AwsError(
                f"EKS cluster {self._api.name} in {self._api.region} does not exist\n  fix: check name and region"
            )
        modes = tuple(steps_to(mode, self._target_mode))
        if not mode.reads_aws_auth:
            return MigrationStatus(mode, modes, MigrationPlan())
        live = LiveCluster(self._props, self._credentials)
        document = live.aws_auth()
        account = self._iam.get_caller_identity()[0]
        resolved = {
            entry.arn.lower(): self._resolve(entry.arn, principal, account)
            for entry, principal in effective_entries(document)[0].items()
        }
        existing = [self._api.describe_access_entry(arn) for arn in live.entry_arns if lockout.is_listed(arn, resolved)]
        migration_plan = plan(
            document,
            [entry for entry in existing if entry is not None],
            resolved,
            account=account,
            accept_loss_of=self._accept_loss_of,
        )
        losses = migration_plan.unnamed(self._accept_loss_of)
        lockouts = self._lockout_problems(live, migration_plan) if modes or migration_plan.pending else []
        return MigrationStatus(mode, modes, migration_plan, tuple(losses), tuple(lockouts))

    def problems(self, status: MigrationStatus) -> list[Problem]:
        """Return the problems of the migration to the target mode."""
        losses = status.loss_problems if AuthenticationMode.API in status.modes else ()
        return [*losses, *status.lockout_problems]

    def run(self) -> MigrationResult:
        """Make all pending changes.

        Raise `InvalidInput` before the first change, and again before mode API.
        """
        self._api.wait_until_active()
        status = self.read_status()
        self._reject(status)
        lines = status.lines()
        if AuthenticationMode.API_AND_CONFIG_MAP in status.modes:
            self._update_mode(AuthenticationMode.API_AND_CONFIG_MAP)
            # EKS returns access entries in this mode only. It has created those of nodes and of the creator.
            status = self.read_status()
            lines = list(dict.fromkeys([lines[0], *status.lines()]))
        for step in status.plan.pending:
            self._create_entry(step)
        result = self._read_back() if status.plan.pending else status
        if result.plan.pending:
            raise AwsError(
                "EKS does not return entries that were created:\n  "
                + "\n  ".join(map(str, result.plan.pending))
                + "\n  fix: find and stop the other writer of access entries, and run this again; it continues the "
                "migration"
            )
        if AuthenticationMode.API in result.modes:
            self._reject(result)
            self._update_mode(AuthenticationMode.API)
        new = {step.equal.entry.principal.arn for step in status.plan.pending}
        read = (step.existing for step in result.plan.steps if step.equal.entry.principal.arn in new)
        created = tuple(entry for entry in read if entry is not None)
        return MigrationResult(lines, [left.name for left in result.plan.not_migrated], self._target_mode, created)

    def _lockout_problems(self, live: LiveCluster, migration_plan: MigrationPlan) -> list[Problem]:
        """Return the problems of callers that lose rights, and of administrators if none remains."""
        before = live.state()
        after = replace(
            before,
            mode=self._target_mode,
            entry=lambda principal: migration_plan.entry_of(principal) or live.entry(principal),
        )
        accepted = [arn for arn in self._accept_loss_of if arn.startswith("arn:") and ":federated-user/" not in arn]
        callers = [caller for caller in live.callers if not lockout.is_listed(caller.principal.arn, accepted)]
        problems = caller_lockout_problems(callers, before, after, named_in="accept_loss_of")
        new = [step.equal.entry.principal for step in migration_plan.steps]
        if next(administrators(live, after, new), None) is not None:
            return problems
        lost = lockout.exclude(dict.fromkeys(principal.arn for principal in administrators(live, before)), accepted)
        return problems + [lockout.last_administrator_problem(arn, named_in="accept_loss_of") for arn in lost]

    def _update_mode(self, mode: AuthenticationMode) -> None:
        print_message(
            f"{self._api.name}: authentication mode becomes {mode}; a cluster cannot go back to an earlier mode"
        )
        self._api.update_authentication_mode(mode)
        if (current := self._api.get_authentication_mode()) is not mode:
            raise AwsError(f"{self._api.name} has authentication mode {current}, not {mode}\n  fix: run this again")

    def _create_entry(self, step: Step) -> None:
        entry = step.equal.entry
        arn = entry.principal.arn
        if step.todo is StepAction.MAKE:
            # EKS sets username and groups of an entry for nodes by its type.
            username = {} if entry.username is None else {"username": entry.username}
            groups = {"kubernetesGroups": list(entry.kubernetes_groups)} if entry.type is EntryType.STANDARD else {}
            self._api.create_access_entry(arn, type=entry.type.value, **username, **groups)
        if step.equal.administrator:
            # Immediately: EKS reads the entry in place of aws-auth, and without the policy it grants nothing.
            self._api.associate_access_policy(arn, access_policy_arn(entry.principal.partition, CLUSTER_ADMIN))
        print_message(str(step))

    @retry(
        retry=retry_if_result(lambda status: bool(status.plan.pending)),
        wait=wait_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(READ_BACK_SECONDS),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    def _read_back(self) -> MigrationStatus:
        return self.read_status()

    def _reject(self, status: MigrationStatus) -> None:
        problems = self.problems(status)
        if problems:
            raise InvalidInput(problems, subject=f"migration of {self._api.name} to {self._target_mode}")

    def _resolve(self, arn: str, principal: Principal, account: str) -> Resolution:
        """Return the principal's full ARN: of the input `principals`, or of this account's IAM."""
        full_arn = self._full_arns.get(arn.lower())
        if full_arn is not None:
            return Resolution(full_arn)
        if principal.account == account and principal.kind is not PrincipalKind.ROOT:
            return self._look_up(principal)
        if principal.kind is not PrincipalKind.ROLE:
            return Resolution(principal.arn)  # aws-auth removes the path of roles only
        reason = f"aws-auth has roles without their path, and IAM of {account} has no role of {principal.account}"
        return Resolution(None, f"{reason}; write its full ARN in principals")

    def _look_up(self, principal: Principal) -> Resolution:
        is_role = principal.kind is PrincipalKind.ROLE
        try:
            arn = self._iam.get_role_arn(principal.name) if is_role else self._iam.get_user_arn(principal.name)
        except AwsDeniedError as error:
            reason = f"IAM does not return its full ARN, write it in principals: {error}"
            return Resolution(None, reason) if is_role else Resolution(principal.arn)
        if arn is None or (not is_role and arn.lower() != principal.arn.lower()):
            return Resolution(None, f"account {principal.account} has no such {principal.kind} any more")
        return Resolution(arn)
