"""The results of a preview: the state of a dry run, and the errors that the update may not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lab.plugins.kubernetes import objects
from lab.plugins.kubernetes.client import ApiError
from lab.plugins.values import UNKNOWN, Properties

if TYPE_CHECKING:
    from lab.plugins.errors import PluginError
    from lab.plugins.kubernetes.apply import Target
    from lab.plugins.kubernetes.discovery import Kind


def previewed(live: Mapping[str, Any], kind: Kind, inputs: Properties, target: Target) -> Any:
    """Return the state that a dry run shows: all fields except the status, which only the created object has."""
    values = {key: value for key, value in live.items() if key != "status"}
    return objects.state(values, kind, inputs, target.field_manager).to_wire()


def unnamed(inputs: Properties) -> Properties:
    """Return the inputs of an object whose name the update generates."""
    metadata = {**inputs.values["metadata"], "name": UNKNOWN}
    return replace(inputs, values={**inputs.values, "metadata": metadata})


def may_change(error: PluginError) -> bool:
    """Return whether the update can succeed although the preview failed.

    The update may create a namespace, a definition or the cluster itself first, delete an object of the same name, or
    grant a role. Objects that the API server rejects as invalid stay invalid.
    """
    return not isinstance(error, ApiError) or error.reason in {"NotFound", "Forbidden"}
