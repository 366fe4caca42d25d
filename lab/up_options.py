"""The values of the options of `python -m lab up`: clusters, and sources of provider plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lab.errors import UsageError
from lab.interfaces import CLUSTER_NAME, AuthenticationMode

if TYPE_CHECKING:
    from lab.plugin_sources import PluginSource


def clusters_of(values: tuple[str, ...]) -> dict[str, AuthenticationMode]:
    """Return the clusters of `NAME[=MODE]` with their modes; raise `BadParameter` for other text."""
    from lab.clusters import DEFAULT_MODE  # noqa: PLC0415 - see `up` in `cli`

    clusters = {}
    for value in values:
        name, _, mode = value.partition("=")
        if not CLUSTER_NAME.fullmatch(name):
            rule = (
                "a cluster's name is 1 to 100 letters, digits, hyphens and underscores, a letter or digit first (EKS)"
            )
            raise click.BadParameter(f"{value!r}: {rule}")
        if name in clusters:
            raise click.BadParameter(f"{value!r}: {name} is named twice")
        if mode and mode not in set(AuthenticationMode):
            raise click.BadParameter(f"{value!r}: the mode is one of {', '.join(AuthenticationMode)}")
        clusters[name] = AuthenticationMode(mode) if mode else DEFAULT_MODE
    return clusters


def plugin_sources_of(values: tuple[str, ...]) -> dict[str, PluginSource]:
    """Return the sources of `[NAME=]SOURCE` by plugin; raise `BadParameter` for other text."""
    from lab.plugin_sources import parse_plugin_sources  # noqa: PLC0415 - see `up` in `cli`

    try:
        return parse_plugin_sources(values)
    except UsageError as error:
        raise click.BadParameter(str(error)) from error
