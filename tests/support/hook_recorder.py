"""Runs resource hooks as the engine does before it creates or updates a resource. Pulumi's mocks do not run hooks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest


class Hooks:
    """The hooks that a program registers, by their names."""

    def __init__(self) -> None:
        self.registered: dict[str, tuple[Callable[[pulumi.ResourceHookArgs], Any], pulumi.ResourceHookOptions]] = {}

    async def before(
        self,
        check_name: str,
        parent: pulumi.Resource,
        child: tuple[str, str],
        inputs: Mapping[str, Any],
        old: Mapping[str, Any] | None = None,
    ) -> None:
        """Run the hook `check_name` for the child of `parent` with this type and name, new or changed from `old`."""
        type_, name = child
        (hook_name,) = (registered for registered in self.registered if registered.endswith(f"-{check_name}"))
        callback, options = self.registered[hook_name]
        assert options.on_dry_run
        prefix = (await parent.urn.future() or "").removesuffix(f"::{parent.pulumi_resource_name}")
        new, before = dict(inputs), None if old is None else dict(old)
        await callback(pulumi.ResourceHookArgs(f"{prefix}${type_}::{name}", "", name, type_, new, before))


@contextmanager
def hooks() -> Iterator[Hooks]:
    """Record the hooks that are registered within the block."""
    seen, register = Hooks(), pulumi.ResourceHook.__init__

    def record(hook: pulumi.ResourceHook, name: str, callback: Any, opts: Any = None) -> None:
        seen.registered[name] = (callback, opts)
        register(hook, name, callback, opts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.ResourceHook, "__init__", record)
        yield seen
