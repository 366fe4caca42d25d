"""Resource hooks that run before the engine creates or updates a resource, previews included.

No hook runs for a resource that is unchanged in the stack's state or is imported. Each registration of a hook is a call
to the engine, so a program has one hook for each kind of check and not one for each resource.

A check that waits for the engine can deadlock. After another resource failed, the engine waits for the hooks that run,
registers no more resources, and ends the program's calls only after that wait. Until then two things never arrive:

- the outputs of resources that are not registered yet;
- the results of functions with a default provider. The engine handles one request for a default provider at a time,
  and the first one that needs a new default provider waits for its registration. All later ones wait behind it, also
  those for a default provider that is registered already. A call with an explicit provider makes no such request.

The engine does not tell the program that a resource failed, so a check can only be bounded in time.

Source: pulumi 3.274, pkg/resource/deploy: `deploymentExecutor.Execute`, `defaultProviders.serve`, `resmon.Cancel`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from dataclasses import dataclass

import pulumi
from pulumi.runtime.settings import _get_rpc_manager

from eks_identity import redaction
from eks_identity.errors import EksIdentityError
from eks_identity.redaction import Redactor
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import redacted_errors
from eks_identity.runtime.program_state import CURRENT_PROGRAM, per_program, program_hooks, translate

TIMEOUT_SECONDS = 120
"""How long a hook waits for its check. Then a preview warns, and an update rejects the resource.

The pauses between boto3's five attempts are 15 s in total at most.
"""

HookCheck = Callable[[pulumi.ResourceHookArgs], Coroutine[None, None, None]]
"""A check of a hook. Raises `InvalidInputError` if the engine must not create or update the resource."""


@dataclass(frozen=True)
class ChildResource:
    """A child resource that a component registers."""

    parent: pulumi.Resource
    type: str
    """Its type token."""
    name: str

    async def is_of(self, urn: str) -> bool:
        """Return whether `urn` is the child's. While the hook runs, the child itself has no URN yet."""
        parent: str | None = await self.parent.urn.future()
        if parent is None:
            return False
        prefix = parent.removesuffix(f"::{self.parent.pulumi_resource_name}")
        return urn == f"{prefix}${self.type}::{self.name}"


_Entry = tuple[ChildResource, HookCheck, Context]
"""A child, its check, and the context that declared it."""


def preflight_hook(check_name: str, child: ChildResource, check: HookCheck) -> pulumi.ResourceHook:
    """Return the program's hook of this name, which now runs `check` for `child`. Pass it to the child's options."""
    program_hook = per_program(f"hook {check_name}", lambda: _ProgramHook(check_name, child.name))
    program_hook.checks[child.name].append((child, check, copy_context()))
    return program_hook.hook


class _ProgramHook:
    """A hook of a program, with the checks of all its children by their logical names."""

    def __init__(self, check_name: str, first_child: str) -> None:
        self.check_name = check_name
        self.context = copy_context()
        self.checks: defaultdict[str, list[_Entry]] = defaultdict(list)
        options = pulumi.ResourceHookOptions(on_dry_run=True)
        self.hook = pulumi.ResourceHook(f"{first_child}-{check_name}", self._run, options)
        program_hooks().append(self.hook)
        # After a program has declared everything, the SDK waits for the registrations that have begun. If none has, it
        # waits for all Outputs, and again for all of them each time one resolves: the time grows with the square of
        # the number of resources. The SDK does not count a hook's registration, so it is added here.
        _get_rpc_manager().rpcs.append(self.hook._registered)  # noqa: SLF001 - as above

    async def _run(self, args: pulumi.ResourceHookArgs) -> None:
        # In the context of the program: the plugin serves many, and the engine's call has none.
        await asyncio.create_task(self._run_with_timeout(args), context=self.context)

    async def _run_with_timeout(self, args: pulumi.ResourceHookArgs) -> None:
        # Not cancelled after the timeout: that would cancel the Outputs and the query that it shares with other checks.
        checks = asyncio.create_task(self._run_checks(args))
        await asyncio.wait({checks}, timeout=TIMEOUT_SECONDS)
        if checks.done():
            try:
                await checks
            except EksIdentityError as error:
                if CURRENT_PROGRAM.get() is None:
                    raise
                # Here, because the plugin's methods do not see the errors of its hooks.
                raise EksIdentityError(translate(error)) from None
            return
        message = (
            f'{args.type} "{args.name}" is not verified: its check {self.check_name} did not end within '
            f"{TIMEOUT_SECONDS} s, because another resource failed meanwhile or an endpoint does not respond"
        )
        if not pulumi.runtime.is_dry_run():
            raise EksIdentityError(f"{message}\n  fix: repair what failed or does not respond, and update again")
        diagnostics.warn(message)

    async def _run_checks(self, args: pulumi.ResourceHookArgs) -> None:
        # Not one after the other: the parent of another child of this name may wait for this resource.
        matches = asyncio.as_completed([self._match(args.urn, entry) for entry in self.checks[args.name]])
        for match in matches:
            entry = await match
            if entry is not None:
                _, check, context = entry
                await asyncio.create_task(_run_check(check, args), context=context)
                return

    @staticmethod
    async def _match(urn: str, entry: _Entry) -> _Entry | None:
        return entry if await entry[0].is_of(urn) else None


async def _run_check(check: HookCheck, args: pulumi.ResourceHookArgs) -> None:
    """Run a check, and remove the secrets of the resource from its messages and errors."""
    redactor = Redactor()
    for props in (args.new_inputs, args.old_inputs, args.old_outputs):
        outputs = [value for value in (props or {}).values() if isinstance(value, pulumi.Output)]  # these are secrets
        redactor.extend(Redactor([await output.future() for output in outputs]))
    with redaction.use_redactor(lambda: redactor), redacted_errors():
        await check(args)
