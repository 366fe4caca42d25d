"""What is asked where the engine is about to make or change a resource: in previews too, and nowhere else.

It does not ask for what is in the stack's state and stays as it is, nor for what is imported. A hook of each resource's
own would be one more call to the engine each, so a program has one for each question.
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
"""Asks, and raises `InvalidInputError` where the answer is that the engine must not go on."""


@dataclass(frozen=True)
class Child:
    """A resource that a component registers below itself."""

    parent: pulumi.Resource
    type: str
    """Its type token."""
    name: str

    async def is_of(self, urn: str) -> bool:
        """Whether `urn` is its own, which it has none of while the engine asks."""
        parent: str | None = await self.parent.urn.future()
        if parent is None:
            return False
        above = parent.removesuffix(f"::{self.parent.pulumi_resource_name}")
        return urn == f"{above}${self.type}::{self.name}"


def hook(question: str, child: Child, ask: HookCheck) -> pulumi.ResourceHook:
    """The program's hook for `question`, which asks it for `child` from now on. Give it to the child's options."""
    asked = per_program(f"hook {question}", lambda: _ProgramHook(f"{child.name}-{question}"))
    asked.of[child.name].append((child, ask, copy_context()))
    return asked.hook


class _ProgramHook:
    """All of a program's children that one question is about."""

    def __init__(self, name: str) -> None:
        self.of: defaultdict[str, list[tuple[Child, HookCheck, Context]]] = defaultdict(list)
        self.hook = pulumi.ResourceHook(name, self._ask, pulumi.ResourceHookOptions(on_dry_run=True))
        program_hooks().append(self.hook)
        # Once a program has declared everything, the SDK waits for the registrations that have begun. If none has, it
        # waits for all Outputs, and again for all of them each time one is known: the time would grow with the square
        # of the number of resources. A hook's registration is not counted among those that have begun.
        _get_rpc_manager().rpcs.append(self.hook._registered)  # noqa: SLF001 - as above

    async def _ask(self, hook: pulumi.ResourceHookArgs) -> None:
        for child, ask, context in self.of[hook.name]:
            if await child.is_of(hook.urn):
                # As in the child's own program: the plugin for other languages has many, and the engine calls in none.
                await asyncio.create_task(_asking(ask, hook), context=context)


async def _asking(ask: HookCheck, hook: pulumi.ResourceHookArgs) -> None:
    """Asks, and prints and raises nothing of the secrets that are looked at meanwhile."""
    looked_at = Redactor()
    for props in (hook.new_inputs, hook.old_inputs, hook.old_outputs):
        outputs = [each for each in (props or {}).values() if isinstance(each, pulumi.Output)]  # which secrets are here
        looked_at.extend(Redactor([await each.future() for each in outputs]))
    with redaction.using(lambda: looked_at), redacted_errors():
        await ask(hook)
