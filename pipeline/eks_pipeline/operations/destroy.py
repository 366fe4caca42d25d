"""Delete all resources of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eks_pipeline.errors import ProtectedError
from eks_pipeline.operations.context import Context


def run(context: Context) -> None:
    """Delete the resources. Protected ones end the operation before anything is deleted."""
    _reject_protected(context.commands.export(), context.job.stack)
    context.commands.destroy(context.reporter.on_event)


def _reject_protected(state: Mapping[str, Any], stack: str) -> None:
    """Raise `ProtectedError` before anything is deleted: without a preview the engine deletes other resources first."""
    resources = (state.get("deployment") or {}).get("resources") or []
    protected = [resource["urn"] for resource in resources if resource.get("protect")]
    if protected:
        lines = "".join(f"\n  {urn}\n  fix: run `pulumi state unprotect '{urn}' -s {stack}`" for urn in protected)
        raise ProtectedError(f"stack {stack!r} has protected resources; nothing was deleted:{lines}")
