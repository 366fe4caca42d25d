"""Resource hooks that run before the engine creates or updates a resource, previews included.

No hook runs for a resource that is unchanged in the stack's state or is imported. Each registration of a hook is a call
to the engine, so a program has one hook for each kind of check and not one for each resource.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from dataclasses import dataclass

import pulumi
from pulumi.runtime.settings import _get_rpc_manager

from eks_identity import redaction
from eks_identity.redaction import Redactor
from eks_identity.runtime.inputs import redacted_errors
from eks_identity.runtime.program_state import per_program, program_hooks

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


def preflight_hook(check_name: str, child: ChildResource, check: HookCheck) -> pulumi.ResourceHook:
    """Return the program's hook of this name, which now runs `check` for `child`. Pass it to the child's options."""
    program_hook = per_program(f"hook {check_name}", lambda: _ProgramHook(f"{child.name}-{check_name}"))
    program_hook.checks[child.name].append((child, check, copy_context()))
    return program_hook.hook


class _ProgramHook:
    """A hook of a program, with the checks of all its children by their logical names."""

    def __init__(self, name: str) -> None:
        self.checks: defaultdict[str, list[tuple[ChildResource, HookCheck, Context]]] = defaultdict(list)
        self.hook = pulumi.ResourceHook(name, self._run, pulumi.ResourceHookOptions(on_dry_run=True))
        program_hooks().append(self.hook)
        # After a program has declared everything, the SDK waits for the registrations that have begun. If none has, it
        # waits for all Outputs, and again for all of them each time one resolves: the time grows with the square of
        # the number of resources. The SDK does not count a hook's registration, so it is added here.
        _get_rpc_manager().rpcs.append(self.hook._registered)  # noqa: SLF001 - as above

    async def _run(self, args: pulumi.ResourceHookArgs) -> None:
        for child, check, context in self.checks[args.name]:
            if await child.is_of(args.urn):
                # In the context of the child's program: the plugin serves many, and the engine's call has none.
                await asyncio.create_task(_run_check(check, args), context=context)


async def _run_check(check: HookCheck, args: pulumi.ResourceHookArgs) -> None:
    """Run a check, and remove the secrets of the resource from its messages and errors."""
    redactor = Redactor()
    for props in (args.new_inputs, args.old_inputs, args.old_outputs):
        outputs = [value for value in (props or {}).values() if isinstance(value, pulumi.Output)]  # these are secrets
        redactor.extend(Redactor([await output.future() for output in outputs]))
    with redaction.use_redactor(lambda: redactor), redacted_errors():
        await check(args)
