"""A cluster on its way from aws-auth to access entries: what it says now, and the steps that are taken."""

from dataclasses import dataclass, replace

from tenacity import retry, retry_if_result, stop_after_delay, wait_exponential

from eks_identity.access.live_cluster import LiveCluster
from eks_identity.access.lockout import administrators, callers_locked_out
from eks_identity.clients.eks_api import EksApi, WhoIsWho
from eks_identity.errors import AwsError, AwsRefusedError, InvalidInput, Problem
from eks_identity.model import lockout
from eks_identity.model.access_entries import AuthenticationMode, EntryType
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.migration import MigrationPlan, Resolution, Step, Todo, counting, plan, steps_to
from eks_identity.runtime.dynamic_provider import Properties, say

READ_BACK_SECONDS = 60
"""How long entries that were made may take to be read back."""


@dataclass(frozen=True)
class Survey:
    """A cluster as it is, and what is to be done with it."""

    mode: AuthenticationMode
    modes: tuple[AuthenticationMode, ...]
    """The modes still to go through."""
    plan: MigrationPlan
    last_step: tuple[Problem, ...] = ()
    """Why mode API is rejected."""
    lockouts: tuple[Problem, ...] = ()
    """Why every step is rejected: the caller or the last administrator would lose rights."""

    @property
    def pending(self) -> int:
        """How many things are left to do."""
        return len(self.modes) + len(self.plan.pending)

    def lines(self) -> list[str]:
        """All of it to read: the first mode before the entries, API after them."""
        modes = [f"authentication mode becomes {mode}" for mode in self.modes]
        last = modes[-1:] if AuthenticationMode.API in self.modes else []
        return [*modes[: len(modes) - len(last)], *self.plan.lines(), *last]


class Migration:
    """One cluster's migration. `props` are the inputs of `AuthenticationModeMigration`."""

    def __init__(self, props: Properties, credentials: str) -> None:
        self._api = EksApi.of(props, credentials)
        self._who = WhoIsWho(props["region"], credentials)
        self._props = props
        self._credentials = credentials
        self._target_mode = AuthenticationMode.parse(props["target_mode"])
        self._principals = {arn.lower(): full for arn, full in (props.get("principals") or {}).items()}
        self._leave_behind: list[str] = props.get("accept_loss_of") or []

    def mode(self) -> AuthenticationMode | None:
        """The cluster's mode; None where it is gone."""
        return self._api.mode()

    def survey(self) -> Survey:
        """Reads, and changes nothing. Refuses to go back."""
        mode = self._api.mode()
        if mode is None:
            raise AwsError(f"there is no EKS cluster {self._api.name} in {self._api.region}\n  fix: check both")
        modes = tuple(steps_to(mode, self._target_mode))
        if not mode.reads_aws_auth:
            return Survey(mode, modes, MigrationPlan())
        live = LiveCluster(self._props, self._credentials)
        document = live.aws_auth()
        account = self._who.caller()[0]
        resolved = {
            entry.arn.lower(): self._resolve(entry.arn, principal, account)
            for entry, principal in counting(document)[0].items()
        }
        existing = [self._api.entry(arn) for arn in live.principals if lockout.among(arn, resolved)]
        planned = plan(
            document,
            [entry for entry in existing if entry is not None],
            resolved,
            account=account,
            accept_loss_of=self._leave_behind,
        )
        lockouts = self._lockouts(live, planned) if modes or planned.pending else []
        return Survey(mode, modes, planned, tuple(planned.unnamed(self._leave_behind)), tuple(lockouts))

    def _lockouts(self, live: LiveCluster, planned: MigrationPlan) -> list[Problem]:
        """Callers that would lose rights, and administrators if none is left; who is named may lose access."""
        before = live.state()
        after = replace(before, mode=self._target_mode, entry=lambda who: planned.entry_of(who) or live.entry(who))
        named = [arn for arn in self._leave_behind if arn.startswith("arn:") and ":federated-user/" not in arn]
        callers = [caller for caller in live.callers if not lockout.among(caller.principal.arn, named)]
        found = callers_locked_out(callers, before, after, named_in="accept_loss_of")
        new = [step.equal.entry.principal for step in planned.steps]
        if next(administrators(live, after, new), None) is not None:
            return found
        removed = lockout.without(dict.fromkeys(who.arn for who in administrators(live, before)), named)
        return found + [lockout.last_administrator(arn, named_in="accept_loss_of") for arn in removed]

    def refusals(self, survey: Survey) -> list[Problem]:
        """What forbids the migration as far as it is asked for."""
        last = survey.last_step if AuthenticationMode.API in survey.modes else ()
        return [*last, *survey.lockouts]

    def carry_out(self) -> tuple[list[str], list[str], AuthenticationMode]:
        """All that is left to do, from wherever an earlier run ended. Returns the plan's lines, what was left behind,
        and the mode.

        Refuses before it writes anything, and again before the last step.
        """
        self._api.settle()
        survey = self.survey()
        self._refuse(survey)
        lines = survey.lines()
        if AuthenticationMode.API_AND_CONFIG_MAP in survey.modes:
            self._step(AuthenticationMode.API_AND_CONFIG_MAP)
            # Only now entries can be seen: those that EKS made itself, for nodes and the creator.
            survey = self.survey()
            lines = list(dict.fromkeys([lines[0], *survey.lines()]))
        for step in survey.plan.pending:
            self._make(step)
        done = self._read_back() if survey.plan.pending else survey
        if done.plan.pending:
            raise AwsError(
                "EKS does not show what was made:\n  "
                + "\n  ".join(map(str, done.plan.pending))
                + "\n  fix: find out what else writes access entries, and run this again; it goes on where it stopped"
            )
        if AuthenticationMode.API in done.modes:
            self._refuse(done)
            self._step(AuthenticationMode.API)
        return lines, [left.name for left in done.plan.not_migrated], self._target_mode

    def _step(self, mode: AuthenticationMode) -> None:
        say(f"{self._api.name}: authentication mode becomes {mode}; there is no way back")
        self._api.set_mode(mode)
        if (now := self._api.mode()) is not mode:
            raise AwsError(f"{self._api.name} has authentication mode {now}, not {mode}\n  fix: run this again")

    def _make(self, step: Step) -> None:
        entry = step.equal.entry
        arn = entry.principal.arn
        if step.todo is Todo.MAKE:
            # A node's name and groups come of the type.
            named = {} if entry.username is None else {"username": entry.username}
            groups = {"kubernetesGroups": list(entry.kubernetes_groups)} if entry.type is EntryType.STANDARD else {}
            self._api.make(arn, type=entry.type.value, **named, **groups)
        if step.equal.administrator:
            # At once: until then the entry, which wins over aws-auth, gives nothing.
            self._api.associate(arn, access_policy_arn(entry.principal.partition, CLUSTER_ADMIN))
        say(str(step))

    @retry(
        retry=retry_if_result(lambda survey: bool(survey.plan.pending)),
        wait=wait_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(READ_BACK_SECONDS),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    def _read_back(self) -> Survey:
        return self.survey()

    def _refuse(self, survey: Survey) -> None:
        problems = self.refusals(survey)
        if problems:
            raise InvalidInput(problems, subject=f"migration of {self._api.name} to {self._target_mode}")

    def _resolve(self, arn: str, principal: Principal, account: str) -> Resolution:
        """The principal's full ARN: as told, or as this account's IAM says it; never guessed."""
        told = self._principals.get(arn.lower())
        if told is not None:
            return Resolution(told)
        role = principal.kind is PrincipalKind.ROLE
        if principal.account == account and principal.kind is not PrincipalKind.ROOT:
            return self._looked_up(principal)
        if not role:
            return Resolution(principal.arn)  # whole in aws-auth, as a role's is not
        why = f"aws-auth does not tell a role's path, and IAM of {account} knows no role of {principal.account}"
        return Resolution(None, f"{why}; write its whole ARN in principals")

    def _looked_up(self, principal: Principal) -> Resolution:
        role = principal.kind is PrincipalKind.ROLE
        try:
            found = self._who.role_arn(principal.name) if role else self._who.user_arn(principal.name)
        except AwsRefusedError as error:
            why = f"IAM does not say what its whole ARN is, write that in principals: {error}"
            return Resolution(None, why) if role else Resolution(principal.arn)
        if found is None or (not role and found.lower() != principal.arn.lower()):
            return Resolution(None, f"account {principal.account} has no such {principal.kind} any more")
        return Resolution(found)
