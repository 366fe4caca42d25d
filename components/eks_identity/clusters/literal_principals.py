"""Access entries whose principal is a literal ARN of a role or user that the same program creates or replaces.

EKS keeps the unique id that the principal had when the entry was created. A literal ARN neither makes the engine create
the role first, nor does it replace the entry when the role is replaced under its name: then the role has no access, and
EKS still lists the entry.

A mapping of aws-auth has the ARN and no unique id, and nothing checks that the role exists, so a literal ARN is right
there. A Pod Identity association has the ARN too, and the aws plugin repeats its creation until the role exists.

Source: EKS user guide, "Create access entries".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.errors import Problem
from eks_identity.model.arns import Principal
from eks_identity.redaction import SECRET
from eks_identity.runtime import program_state
from eks_identity.runtime.declared_identities import DeclaredIdentity, find_unique_ids, on_declared
from eks_identity.runtime.inputs import Inputs, InvalidInputError

_RULE = (
    "must be an output of {declared}, which this update creates or replaces: EKS binds an access entry to the unique "
    "id of its principal, and an entry of a literal ARN neither waits for the principal nor is replaced with it"
)


def reject_literal_of_new_identity(
    inputs: Inputs, under: str, principal: pulumi.Input[Principal], fix: str = "pass the arn output of {declared}"
) -> None:
    """Reject at preview a literal ARN of a role or user that this program creates or replaces in this update.

    Nothing waits for it: the role may itself depend on resources of the component. `fix` may name `{declared}`.
    """
    if not pulumi.runtime.is_dry_run():
        return
    check = _LiteralCheck(inputs.subject, under, fix)
    if isinstance(principal, Principal):
        check.start(principal, principal.arn)
    else:
        resolved: pulumi.Output[Principal] = pulumi.Output.from_input(principal)
        start: Callable[[Principal], pulumi.Input[None]] = partial(check.start_resolved, resolved)
        resolved.apply(start)


@dataclass(frozen=True)
class _LiteralCheck:
    """The check of one input of one component."""

    subject: str
    under: str
    fix: str

    async def start_resolved(self, output: "pulumi.Output[Principal]", principal: Principal) -> None:
        """Start the check of a resolved Output, unless it is an output of a role or user."""
        if not await find_unique_ids(output):
            self.start(principal, SECRET if await output.is_secret() else principal.arn)

    def start(self, principal: Principal, shown: str) -> None:
        # Once for each ARN: a component and its child may check the same one, and one error ends the preview.
        first = program_state.claim(self.subject, __name__, principal.arn.lower())
        if first == self.subject:
            on_declared(principal.kind, principal.name, partial(self._compare, principal, shown))

    def _compare(self, principal: Principal, shown: str, declared: DeclaredIdentity) -> None:
        comparison: pulumi.Input[None] = self._reject_new(principal, shown, declared)
        pulumi.Output.from_input(comparison)

    async def _reject_new(self, principal: Principal, shown: str, declared: DeclaredIdentity) -> None:
        unique_id: pulumi.Output[str] | None = getattr(declared.resource, "unique_id", None)
        if unique_id is None or await unique_id.is_known():
            return  # it was not registered, or this update keeps it
        provider = declared.resource.get_provider(declared.resource.pulumi_resource_type)
        caller = await provider_account.get_caller(provider)
        if caller is not None and caller.account == principal.account:
            fix = self.fix.format(declared=declared)
            problem = Problem(self.under, _RULE.format(declared=declared), shown, fix)
            raise InvalidInputError([problem], subject=self.subject)
