"""The settings of a `pulumi_kubernetes.Provider` that this plugin supports."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from pulumi.provider.experimental.util import camel_case

from lab.plugins.errors import InvalidInputError

_PREFIX: Final = "kubernetes:config:"

NOT_COVERED: Final = {
    "renderYamlToDirectory": "the lab's stand-in applies objects and renders none; remove renderYamlToDirectory",
    "alwaysRender": "alwaysRender belongs to renderYamlToDirectory, which the stand-in does not support; remove it",
    "helmReleaseSettings": "the lab's stand-in has no Helm releases; remove helmReleaseSettings",
}
"""Settings that this plugin does not support, with the fix."""

# Environment variables that the official plugin reads if the provider does not have the setting.
_ENVIRONMENT: Final = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}


@dataclass(frozen=True)
class ClientSettings:
    """The rate limit of requests: `qps` per second, `burst` at once, and `timeout` seconds for each."""

    qps: float = 50.0
    burst: int = 120
    timeout: float = 32.0


@dataclass(frozen=True)
class Settings:
    """The settings of one provider; the defaults are the official plugin's."""

    kubeconfig: str = ""
    """The content or the path of a kubeconfig; empty for that of `KUBECONFIG` or of the home folder."""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    client: ClientSettings = ClientSettings()
    delete_unreachable: bool = False
    enable_config_map_mutable: bool = False
    enable_patch_force: bool = False
    enable_secret_mutable: bool = False
    enable_server_side_apply: bool = True
    skip_update_unreachable: bool = False
    suppress_deprecation_warnings: bool = False
    upsert_existing_objects: bool = False

    @classmethod
    def parse(cls, variables: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Settings:
        """Parse the variables with which the engine configures a plugin (`kubernetes:config:<name>`).

        Raises:
            InvalidInputError: settings that this plugin does not support, or invalid values; all problems at once.
        """
        configured = {name.removeprefix(_PREFIX): value for name, value in variables.items() if value}
        problems = [
            advice for name, advice in NOT_COVERED.items() if configured.get(name, "false") not in {"false", "{}"}
        ]

        def flag(name: str, *, default: bool = False) -> bool:
            value = configured.get(name) or environ.get(_ENVIRONMENT[name])
            if value not in {None, "true", "false"}:
                problems.append(f"{name} is {value!r}; it can be true or false")
            return default if value is None else value == "true"

        settings = cls(
            kubeconfig=configured.get("kubeconfig", ""),
            context=configured.get("context", ""),
            cluster=configured.get("cluster", ""),
            namespace=configured.get("namespace", ""),
            client=_client(configured.get("kubeClientSettings"), problems),
            delete_unreachable=flag("deleteUnreachable"),
            enable_config_map_mutable=flag("enableConfigMapMutable"),
            enable_patch_force=flag("enablePatchForce"),
            enable_secret_mutable=flag("enableSecretMutable"),
            enable_server_side_apply=flag("enableServerSideApply", default=True),
            skip_update_unreachable=flag("skipUpdateUnreachable"),
            suppress_deprecation_warnings=flag("suppressDeprecationWarnings"),
            upsert_existing_objects=flag("upsertExistingObjects"),
        )
        if problems:
            raise InvalidInputError("the configuration of the kubernetes provider", problems)
        return settings


def settings_schema() -> dict[str, Any]:
    """Return the settings as the input properties of a provider in a Pulumi schema."""
    types = {"str": "string", "bool": "boolean"}
    flat = {camel_case(field.name): {"type": types[field.type]} for field in fields(Settings) if field.type in types}
    client = {"type": "object", "additionalProperties": {"type": "number"}}
    return flat | {"clusterIdentifier": {"type": "string"}, "kubeClientSettings": client}


def _client(text: str | None, problems: list[str]) -> ClientSettings:
    if not text:
        return ClientSettings()
    try:
        configured: dict[str, Any] = json.loads(text)
        settings = ClientSettings(
            qps=float(configured.get("qps") or ClientSettings.qps),
            burst=int(configured.get("burst") or ClientSettings.burst),
            timeout=float(configured.get("timeout") or ClientSettings.timeout),
        )
    except (ValueError, TypeError, AttributeError):
        problems.append(f"kubeClientSettings is {text}; it needs numbers: burst, qps, timeout")
        return ClientSettings()
    if min(settings.qps, settings.burst, settings.timeout) <= 0:
        problems.append(f"kubeClientSettings is {text}; burst, qps and timeout must be more than 0")
    return settings
