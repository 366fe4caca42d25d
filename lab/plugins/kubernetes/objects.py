"""Kubernetes objects as Pulumi sees them: type tokens, ids, automatic names, secrets, and what the state keeps."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.plugins.errors import PluginError
from lab.plugins.kubernetes.discovery import Kind
from lab.plugins.values import UNKNOWN, Path, Properties

AUTONAMED: Final = "pulumi.com/autonamed"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
WAIT_FOR: Final = "pulumi.com/waitFor"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"

# What the official plugin keeps in the state beside the object; kept here too, so that either can take a stack over.
INPUTS: Final = "__inputs"
INITIAL_API_VERSION: Final = "__initialApiVersion"
FIELD_MANAGER: Final = "__fieldManager"

_SERVER_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Fields of metadata that only the API server writes."""

_OTHER_PACKAGES: Final = ("helm.sh", "yaml", "kustomize", "index")
"""First parts of the tokens of what is no Kubernetes object: releases, charts, files and directories of manifests."""


@dataclass(frozen=True)
class Token:
    """A Pulumi type token such as `kubernetes:core/v1:ConfigMapPatch`, or that of any custom resource."""

    text: str
    kind: Kind

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """None for a type that is no Kubernetes object."""
        _, _, rest = text.partition(":")
        module, _, name = rest.partition(":")
        if not name or module.split("/")[0] in _OTHER_PACKAGES:
            return None
        return cls(text, Kind.of(module, name))

    def is_patch(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the type stands for some fields of an object that somebody else made: `ConfigMapPatch`.

        With no inputs at hand, as in an import, the name alone decides.
        """
        if not self.kind.kind.endswith("Patch"):
            return False
        kind = inputs.get("kind")
        return kind is None or kind != self.kind.kind

    def kind_of(self, inputs: Mapping[str, Any]) -> Kind:
        """The kind of the object itself."""
        name = self.kind.kind
        if self.is_patch(inputs):
            name = name.removesuffix("Patch")
        api_version = inputs.get("apiVersion")
        if isinstance(api_version, str) and api_version:
            return Kind.of(api_version, name)
        return Kind(self.kind.group, self.kind.version, name)


def annotation(document: Mapping[str, Any], key: str) -> str | None:
    """The value of an annotation; None where it, or anything above it, is missing or not known yet."""
    value = _mapping(_mapping(document.get("metadata")).get("annotations")).get(key)
    return value if isinstance(value, str) else None


def name_of(document: Mapping[str, Any]) -> Any:
    return _mapping(document.get("metadata")).get("name")


def namespace_of(document: Mapping[str, Any]) -> Any:
    return _mapping(document.get("metadata")).get("namespace")


def display(kind: Kind, namespace: Any, name: Any) -> str:
    """How messages name an object: `ConfigMap kube-system/aws-auth`."""
    return f"{kind.kind} {namespace}/{name}" if isinstance(namespace, str) and namespace else f"{kind.kind} {name}"


def object_id(document: Mapping[str, Any]) -> str:
    """The id that Pulumi knows an object by: `namespace/name`, or its name alone."""
    namespace = namespace_of(document)
    return f"{namespace}/{name_of(document)}" if namespace else str(name_of(document))


def parse_id(text: str, *, namespaced: bool, default_namespace: str) -> tuple[str | None, str]:
    """Namespace and name out of an id. Raises `PluginError` where they do not fit the kind's scope."""
    namespace, _, name = text.rpartition("/")
    if not name or "/" in namespace:
        raise PluginError(f"the id {text!r} is not that of an object", fix="write it as namespace/name, or name")
    if namespaced:
        return namespace or default_namespace, name
    if namespace:
        raise PluginError(f"the id {text!r} has a namespace, and this kind has none", fix=f"write it as {name}")
    return None, name


def normalized(document: Any) -> Any:
    """`document` without null fields, and with the keys that SDKs cannot spell written as Kubernetes does."""
    if isinstance(document, Mapping):
        return {_spelled(key): normalized(value) for key, value in document.items() if value is not None}
    if isinstance(document, list):
        return [normalized(item) for item in document]
    return document


def desired(inputs: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """What to send for `inputs`: the object's own kind, no fields of the server, and a Secret's `stringData` encoded.

    Server-side apply cannot take back keys of `stringData`, as the server keeps them under `data`.
    """
    document = {**inputs, "apiVersion": kind.api_version, "kind": kind.kind}
    metadata = _mapping(document.get("metadata"))
    document["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVER_METADATA}
    document.pop("status", None)
    plain = document.get("stringData")
    if is_secret(kind) and isinstance(plain, Mapping):
        encoded = {key: _base64(value) for key, value in plain.items()}
        del document["stringData"]
        document["data"] = {**_mapping(document.get("data")), **encoded}
    return document


def inputs_of(live: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that would make `live`: all but what the server writes."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_METADATA}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def with_secrets(values: dict[str, Any], kind: Kind, *others: Properties) -> Properties:
    """`values` with the secrets of `others` kept, and with the data of a Secret always secret."""
    secrets: set[Path] = {("data",), ("stringData",)} if is_secret(kind) else set()
    return Properties(values, frozenset(secrets)).with_secrets_of(*others)


def recorded(live: Mapping[str, Any]) -> dict[str, Any]:
    """What of `live` the state keeps: neither the bookkeeping of field managers, nor kubectl's copy of the object,
    which would hold a Secret's data in plain sight.
    """
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    if LAST_APPLIED in metadata.get("annotations", {}):
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
    return {**live, "metadata": metadata}


def state(live: Mapping[str, Any], kind: Kind, inputs: Properties, field_manager: str) -> Properties:
    """What the state keeps: the object as the server has it, and beside it how it was made."""
    values = recorded(live)
    kept = with_secrets(values, kind, inputs)
    stated = with_secrets(inputs.values, kind, inputs)
    return Properties(
        {
            **values,
            INPUTS: inputs.values,
            INITIAL_API_VERSION: str(inputs.values.get("apiVersion", kind.api_version)),
            FIELD_MANAGER: field_manager,
        },
        kept.secrets | {(INPUTS, *path) for path in stated.secrets},
    )


def is_secret(kind: Kind) -> bool:
    return kind.group == "" and kind.kind == "Secret"


def drifted(inputs: Any, before: Any, now: Any) -> Any:
    """`inputs`, with each field that changed on the server since the last update (`before`), as it is `now`.

    What the server made of the inputs at the last update is no drift: quantities in another unit, defaults, order.
    """
    if before == now:
        return inputs
    if isinstance(inputs, Mapping) and isinstance(before, Mapping) and isinstance(now, Mapping):
        fields = {key: drifted(value, before.get(key), now.get(key)) for key, value in inputs.items()}
        return {key: value for key, value in fields.items() if value is not None}
    return now


def with_plain_data(document: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret as the server has it, with its data also readable as `stringData`, which the server never returns."""
    texts = {}
    for key, value in (document.get("data") or {}).items():
        try:
            texts[key] = base64.b64decode(value).decode()
        except ValueError:  # bytes that are no text can only be compared as `data`
            continue
    return {**document, "stringData": texts}


def _spelled(key: str) -> str:
    return key.replace("_", "-") if key.startswith("x_kubernetes_") else key


def _base64(value: Any) -> Any:
    return UNKNOWN if value is UNKNOWN else base64.b64encode(str(value).encode()).decode()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
