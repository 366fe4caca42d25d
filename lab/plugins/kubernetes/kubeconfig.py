"""Select the API server and the user of a provider's settings from kubeconfigs, by kubectl's rules."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.plugins.errors import PluginError
from lab.plugins.kubernetes.settings import Settings


class KubeconfigError(PluginError):
    """The kubeconfig is missing or invalid, or does not select an API server."""


def load(text: str, environ: Mapping[str, str] = os.environ) -> tuple[dict[str, Any], Path | None]:
    """Return the kubeconfig in `text`, or in the file at the path `text`, and its file, to resolve relative paths.

    An empty `text` selects the files in `KUBECONFIG`, by default `~/.kube/config`.

    Raises:
        KubeconfigError: the kubeconfig is missing or invalid.
    """
    if not text:
        return _load_default(environ)
    path = Path(text).expanduser() if "\n" not in text and not text.lstrip().startswith("{") else None
    if path is None:
        return _parse(text, "the provider's kubeconfig"), None
    if path.is_file():
        return _parse(path.read_text(), str(path)), path
    raise KubeconfigError(
        f"the provider's kubeconfig is neither a kubeconfig nor the path of a file: {text[:80]!r}",
        fix="pass the content of a kubeconfig, or the path of one that exists",
    )


def active_cluster(text: str, context: str, cluster: str) -> dict[str, Any] | None:
    """Return the cluster entry that these settings select, to compare the clusters of two kubeconfigs.

    None if the kubeconfig cannot be read, such as a removed file.
    """
    try:
        config, _ = load(text)
        name = cluster or _entry(config, "contexts", context or config.get("current-context") or "")["cluster"]
        return dict(_entry(config, "clusters", name))
    except (KubeconfigError, OSError):
        return None


def select(settings: Settings, environ: Mapping[str, str] = os.environ) -> Any:
    """Return the cluster and the user of the connection, as lightkube's `SingleConfig`.

    Raises:
        KubeconfigError: the kubeconfig is missing or invalid, or lacks the context, cluster or user.
    """
    # Imported here, because an update without Kubernetes objects never connects.
    import msgspec  # noqa: PLC0415
    from lightkube.config.kubeconfig import SingleConfig  # noqa: PLC0415
    from lightkube.config.models import Cluster, Context, User  # noqa: PLC0415

    config, file = load(settings.kubeconfig, environ)
    context_name = settings.context or config.get("current-context") or ""
    context = {} if settings.cluster and not context_name else dict(_entry(config, "contexts", context_name))
    if settings.cluster:
        context["cluster"] = settings.cluster
    user = _entry(config, "users", context["user"]) if context.get("user") else {}
    try:
        return SingleConfig(
            context_name=context_name,
            context=msgspec.convert(context, Context),
            cluster=msgspec.convert(_entry(config, "clusters", context.get("cluster", "")), Cluster),
            user=msgspec.convert(user, User),
            fname=file,
        )
    except msgspec.ValidationError as error:
        raise KubeconfigError(f"the kubeconfig is not valid: {error}") from error


def _load_default(environ: Mapping[str, str]) -> tuple[dict[str, Any], Path | None]:
    """Load kubectl's default files. Several files are merged; the first entry of a name takes precedence."""
    paths = [Path(part) for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    files = [path for path in paths or [Path("~/.kube/config").expanduser()] if path.is_file()]
    if not files:
        raise KubeconfigError(
            "no kubeconfig: the provider has none, and neither KUBECONFIG nor ~/.kube/config is an existing file",
            fix="pass kubeconfig to the Provider, or set kubernetes:kubeconfig",
        )
    merged: dict[str, Any] = {}
    for path in files:
        config = _parse(path.read_text(), str(path))
        merged.setdefault("current-context", config.get("current-context"))
        for section in ("clusters", "contexts", "users"):
            names = {entry["name"] for entry in merged.setdefault(section, [])}
            merged[section] += [entry for entry in config.get(section) or () if entry["name"] not in names]
    return merged, files[0]


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{source} is not YAML: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("clusters"), list):
        raise KubeconfigError(f"{source} is not a kubeconfig: it has no list of clusters")
    return config


def _entry(config: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    entries = {entry["name"]: entry.get(section.removesuffix("s")) or {} for entry in config.get(section) or ()}
    if name not in entries:
        available = ", ".join(sorted(entries)) or "none"
        requested = repr(name) if name else "(no current-context)"
        raise KubeconfigError(f"the kubeconfig has no {section.removesuffix('s')} {requested}; it has: {available}")
    return dict(entries[name])
