"""Runs hooks as the engine does, which no mock of Pulumi's has: where it is about to make or change a resource."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest


class Hooks:
    """Every hook that a program registers, by its name."""

    def __init__(self) -> None:
        self.registered: dict[str, tuple[Callable[[pulumi.ResourceHookArgs], Any], pulumi.ResourceHookOptions]] = {}

    async def before(
        self,
        question: str,
        parent: pulumi.Resource,
        child: tuple[str, str],
        inputs: Mapping[str, Any],
        old: Mapping[str, Any] | None = None,
    ) -> None:
        """Asks `question` before the child of `parent`, by its type and name, is made; or changed from `old`."""
        type_, name = child
        (found,) = (each for each in self.registered if each.endswith(f"-{question}"))
        callback, options = self.registered[found]
        assert options.on_dry_run
        above = (await parent.urn.future() or "").removesuffix(f"::{parent.pulumi_resource_name}")
        new, before = dict(inputs), None if old is None else dict(old)
        await callback(pulumi.ResourceHookArgs(f"{above}${type_}::{name}", "", name, type_, new, before))


@contextmanager
def hooks() -> Iterator[Hooks]:
    """The hooks that are registered within the block."""
    seen, register = Hooks(), pulumi.ResourceHook.__init__

    def kept(hook: pulumi.ResourceHook, name: str, callback: Any, opts: Any = None) -> None:
        seen.registered[name] = (callback, opts)
        register(hook, name, callback, opts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.ResourceHook, "__init__", kept)
        yield seen
