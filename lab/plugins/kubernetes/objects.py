"""Kubernetes objects in Pulumi: type tokens, ids, automatic names, secrets and states."""

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

# State properties of the official plugin in addition to the object. With them each plugin can use the other's states.
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
"""Metadata fields that only the API server writes."""

_OTHER_PACKAGES: Final = ("helm.sh", "yaml", "kustomize", "index")
"""Module prefixes of types that are no Kubernetes objects: releases, charts, files and directories of manifests."""


@dataclass(frozen=True)
class Token:
    """A Pulumi type token such as `kubernetes:core/v1:ConfigMapPatch`, or that of any custom resource."""

    text: str
    kind: Kind

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """Parse a type token; return None for a type that is no Kubernetes object."""
        _, _, rest = text.partition(":")
        module, _, name = rest.partition(":")
        if not name or module.split("/")[0] in _OTHER_PACKAGES:
            return None
        return cls(text, Kind.of(module, name))

    def is_patch(self, inputs: Mapping[str, Any]) -> bool:
        """Return whether the type patches fields of an existing object, such as `ConfigMapPatch`.

        Without inputs, as in an import, the name decides.
        """
        if not self.kind.kind.endswith("Patch"):
            return False
        kind = inputs.get("kind")
        return kind is None or kind != self.kind.kind

    def kind_of(self, inputs: Mapping[str, Any]) -> Kind:
        """Return the kind of the object itself."""
        name = self.kind.kind
        if self.is_patch(inputs):
            name = name.removesuffix("Patch")
        api_version = inputs.get("apiVersion")
        if isinstance(api_version, str) and api_version:
            return Kind.of(api_version, name)
        return Kind(self.kind.group, self.kind.version, name)


def annotation(document: Mapping[str, Any], key: str) -> str | None:
    """Return the value of an annotation; None if it or a parent is missing or unknown."""
    value = _mapping(_mapping(document.get("metadata")).get("annotations")).get(key)
    return value if isinstance(value, str) else None


def name_of(document: Mapping[str, Any]) -> Any:
    return _mapping(document.get("metadata")).get("name")


def namespace_of(document: Mapping[str, Any]) -> Any:
    return _mapping(document.get("metadata")).get("namespace")


def display(kind: Kind, namespace: Any, name: Any) -> str:
    """Return the name of an object for messages: `ConfigMap kube-system/aws-auth`."""
    return f"{kind.kind} {namespace}/{name}" if isinstance(namespace, str) and namespace else f"{kind.kind} {name}"


def object_id(document: Mapping[str, Any]) -> str:
    """Return Pulumi's id of an object: `namespace/name`, or the name of an object without namespace."""
    namespace = namespace_of(document)
    return f"{namespace}/{name_of(document)}" if namespace else str(name_of(document))


def parse_id(text: str, *, namespaced: bool, default_namespace: str) -> tuple[str | None, str]:
    """Return namespace and name in an id. Raises `PluginError` if they do not match the kind's scope."""
    namespace, _, name = text.rpartition("/")
    if not name or "/" in namespace:
        raise PluginError(f"the id {text!r} must be that of an object", fix="write it as namespace/name, or name")
    if namespaced:
        return namespace or default_namespace, name
    if namespace:
        raise PluginError(f"the id {text!r} has a namespace, and this kind has none", fix=f"write it as {name}")
    return None, name


def normalized(document: Any) -> Any:
    """Return `document` without null fields, and with Kubernetes' spelling of keys that SDKs spell differently."""
    if isinstance(document, Mapping):
        return {_kubernetes_key(key): normalized(value) for key, value in document.items() if value is not None}
    if isinstance(document, list):
        return [normalized(item) for item in document]
    return document


def desired(inputs: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Return the document to apply for `inputs`: the object's kind, no fields of the API server, `stringData` encoded.

    Server-side apply cannot remove keys of `stringData`, because the API server stores them under `data`.
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
    """Return the inputs of `live`: all fields that the API server does not write."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_METADATA}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def with_secrets(values: dict[str, Any], kind: Kind, *others: Properties) -> Properties:
    """Return `values` with the secrets of `others`; the data of a Secret is always secret."""
    secrets: set[Path] = {("data",), ("stringData",)} if is_secret(kind) else set()
    return Properties(values, frozenset(secrets)).with_secrets_of(*others)


def without_bookkeeping(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `live` for the state, without field managers and kubectl's copy of the object.

    The copy would have a Secret's data as plain text.
    """
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    if LAST_APPLIED in metadata.get("annotations", {}):
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
    return {**live, "metadata": metadata}


def state(live: Mapping[str, Any], kind: Kind, inputs: Properties, field_manager: str) -> Properties:
    """Return the state: the object of the API server, and the inputs, API version and field manager of the update."""
    values = without_bookkeeping(live)
    object_values = with_secrets(values, kind, inputs)
    input_values = with_secrets(inputs.values, kind, inputs)
    return Properties(
        {
            **values,
            INPUTS: inputs.values,
            INITIAL_API_VERSION: str(inputs.values.get("apiVersion", kind.api_version)),
            FIELD_MANAGER: field_manager,
        },
        object_values.secrets | {(INPUTS, *path) for path in input_values.secrets},
    )


def is_secret(kind: Kind) -> bool:
    return kind.group == "" and kind.kind == "Secret"


def drifted(inputs: Any, before: Any, now: Any) -> Any:
    """Return `inputs` with the current value (`now`) of each field that changed since the last update (`before`).

    Changes of the API server at the last update are no drift: quantities in another unit, defaults, order.
    """
    if before == now:
        return inputs
    if isinstance(inputs, Mapping) and isinstance(before, Mapping) and isinstance(now, Mapping):
        fields = {key: drifted(value, before.get(key), now.get(key)) for key, value in inputs.items()}
        return {key: value for key, value in fields.items() if value is not None}
    return now


def with_plain_data(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Secret of the API server with its data as `stringData`, which the API server never returns."""
    texts = {}
    for key, value in (document.get("data") or {}).items():
        try:
            texts[key] = base64.b64decode(value).decode()
        except ValueError:  # bytes that are no text are compared as `data`
            continue
    return {**document, "stringData": texts}


def _kubernetes_key(key: str) -> str:
    return key.replace("_", "-") if key.startswith("x_kubernetes_") else key


def _base64(value: Any) -> Any:
    return UNKNOWN if value is UNKNOWN else base64.b64encode(str(value).encode()).decode()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
