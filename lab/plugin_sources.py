"""The sources of a lab's provider plugins, by the option `--plugins`: the lab's stand-ins, or Pulumi's official ones.

An official plugin comes from the first of these: PATH, Pulumi's plugin cache, the lab's cache, a download, and for
kubernetes a compilation.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.errors import ToolError, UsageError
from lab.plugins.install import PLUGINS, sdk_version
from lab.tools import Toolbox
from lab.tools.provider_plugins import cache_folder, provider_plugin

if TYPE_CHECKING:
    from lab.lab_dir import LabDir
    from lab.tools.progress import Progress


class PluginSource(StrEnum):
    """The source of a provider plugin."""

    STAND_IN = "stand-in"
    OFFICIAL = "official"


STAND_INS: Final[Mapping[str, PluginSource]] = dict.fromkeys(PLUGINS, PluginSource.STAND_IN)
"""The default: every plugin is the lab's own."""


def parse_plugin_sources(values: Iterable[str]) -> dict[str, PluginSource]:
    """Return the source of every plugin for the values of `--plugins`.

    A value is `NAME=SOURCE`, a `SOURCE` of all plugins that no value names, or several of them separated by commas.

    Raises:
        UsageError: a value has an unknown plugin or source, or names a plugin twice.
    """
    sources: dict[str, PluginSource] = {}
    for value in (part.strip() for text in values for part in text.split(",")):
        name, _, source = value.rpartition("=")
        if name and name not in PLUGINS:
            raise _invalid(value, f"must name one of the plugins {', '.join(PLUGINS)}", name, PLUGINS)
        if source not in set(PluginSource):
            raise _invalid(value, f"must have a source: {' or '.join(PluginSource)}", source, PluginSource)
        if name in sources:
            rule = f"must name {name} once" if name else "must have one source of all plugins"
            raise _invalid(value, f"{rule}: it has {sources[name]} already", "", ())
        sources[name] = PluginSource(source)
    others = sources.pop("", PluginSource.STAND_IN)
    return {name: sources.get(name, others) for name in PLUGINS}


def obtain_official(home: LabDir, sources: Mapping[str, PluginSource], progress: Progress) -> dict[str, Path]:
    """Return the executables of the official plugins among `sources`, by name.

    Raises:
        ToolError: some of them are not available. It names each of them and the sources that were tried.
    """
    obtained: dict[str, Path] = {}
    errors: list[ToolError] = []
    for name in (name for name, source in sources.items() if source is PluginSource.OFFICIAL):
        try:
            obtained[name] = _obtain(home, name, progress)
        except ToolError as error:
            errors.append(error)
    if errors:
        fix = "\n  fix: ".join(error.fix for error in errors)
        raise ToolError("\n".join(error.problem for error in errors), fix=fix)
    return obtained


def _obtain(home: LabDir, name: str, progress: Progress) -> Path:
    version = sdk_version(name)
    program = provider_plugin(name, version)
    cached = cache_folder(_pulumi_home(home), name, version)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(cached)])
    try:
        (plugin,) = Toolbox(home.tools, progress, programs=[program], path=path).ensure().obtained
    except ToolError as error:
        last = "download or compilation" if program.builds else "download"
        raise ToolError(
            f"--plugins {name}=official: must be on PATH, in {cached.parent}, or available for {last}: {error.problem}",
            fix=f"{error.fix}; or run `pulumi plugin install resource {name} {version}` with access to the vendor's "
            f"releases; or use `--plugins {name}=stand-in`",
        ) from error
    progress.end(f"plugin {name}", f"official {plugin.installation.version} from {plugin.path.parent}")
    return plugin.path


def _pulumi_home(home: LabDir) -> Path:
    """Return the user's own folder of Pulumi. A shell in a lab's environment has the lab's as PULUMI_HOME."""
    own = os.environ.get("PULUMI_HOME")
    return Path(own) if own and not Path(own).is_relative_to(home.root) else Path.home() / ".pulumi"


def _invalid(value: str, rule: str, text: str, choices: Iterable[str]) -> UsageError:
    similar = difflib.get_close_matches(text, choices, n=1)
    hint = f"; did you mean {similar[0]}?" if similar else ""
    return UsageError(f"{value!r} {rule}{hint}", fix="pass NAME=SOURCE, like kubernetes=official")
