"""Kubernetes manifests as objects of the graph, without secrets.

Manifests come from an API server, a stack's state or a preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from eks_access.graph.kubernetes_objects import (
    AwsAuthConfigMap,
    BindingSubject,
    Container,
    Node,
    Pod,
    RbacBinding,
    RbacRole,
    ServiceAccount,
)
from eks_identity.model.aws_auth import ACCOUNTS, ROLES, USERS
from eks_identity.model.rbac import Rule

Manifest = Mapping[str, Any]

IDENTITY_VARIABLES = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables that decide the AWS identity of a container and are no secrets."""
STATIC_KEY = "AWS_ACCESS_KEY_ID"
"""SDKs use an access key in the environment before any other identity."""
_FARGATE = "eks.amazonaws.com/compute-type"
_ACCOUNT_FIELDS = ("automountServiceAccountToken", "imagePullSecrets", "secrets")
_OS = "kubernetes.io/os"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def rbac_role(manifest: Manifest) -> RbacRole:
    """Return a Role or ClusterRole."""
    metadata = manifest["metadata"]
    selectors = (manifest.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    return RbacRole(
        metadata.get("namespace"),
        metadata["name"],
        tuple(
            Rule(
                tuple(rule.get("verbs") or ()),
                tuple(rule.get("resources") or ()),
                tuple(rule.get("apiGroups") or ()),
                tuple(rule.get("resourceNames") or ()),
                tuple(rule.get("nonResourceURLs") or ()),
            )
            for rule in manifest.get("rules") or ()
        ),
        tuple(selector.get("matchLabels") or {} for selector in selectors),
        metadata.get("labels") or {},
        _annotation_keys(metadata),
    )


def rbac_binding(manifest: Manifest) -> RbacBinding:
    """Return a RoleBinding or ClusterRoleBinding."""
    metadata, role = manifest["metadata"], manifest["roleRef"]
    return RbacBinding(
        metadata.get("namespace"),
        metadata["name"],
        role["kind"],
        role["name"],
        tuple(
            BindingSubject(subject["kind"], subject["name"], subject.get("namespace"))
            for subject in manifest.get("subjects") or ()
        ),
        tuple(sorted(metadata.get("labels") or ())),
        _annotation_keys(metadata),
    )


def service_account(manifest: Manifest) -> ServiceAccount:
    """Return a service account."""
    metadata = manifest["metadata"]
    annotations = _identity_annotations(metadata)
    others = (key for key in _annotation_keys(metadata) if key not in annotations)
    return ServiceAccount(
        metadata["namespace"],
        metadata["name"],
        annotations,
        metadata.get("labels") or {},
        (*others, *(name for name in _ACCOUNT_FIELDS if name in manifest)),
    )


def pod(manifest: Manifest) -> Pod:
    """Return a pod."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    sources = [
        source
        for volume in spec.get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
    ]
    audiences = [(source.get("serviceAccountToken") or {}).get("audience") for source in sources]
    return Pod(
        metadata["namespace"],
        metadata["name"],
        spec.get("serviceAccountName") or "default",
        _time(metadata.get("creationTimestamp")),
        spec.get("nodeName") or "",
        bool(spec.get("hostNetwork")),
        tuple(
            Container(each["name"], each.get("image") or "", _identity_variables(each.get("env") or ()))
            for each in containers
        ),
        tuple(audience for audience in audiences if audience),
        _identity_annotations(metadata),
        metadata.get("labels") or {},
        _owner(metadata),
    )


def node(manifest: Manifest) -> Node:
    """Return a node, without what only EC2 knows of it."""
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    instance = str((manifest.get("spec") or {}).get("providerID") or "").rpartition("/")[2]
    return Node(
        metadata["name"],
        labels,
        instance if instance.startswith("i-") else "",
        labels.get(_FARGATE) == "fargate",
        labels.get(_OS) or "linux",
    )


def aws_auth(manifest: Manifest) -> AwsAuthConfigMap:
    """Return the ConfigMap aws-auth."""
    data = manifest.get("data") or {}
    return AwsAuthConfigMap(
        {key: text for key, text in data.items() if key in (ROLES, USERS, ACCOUNTS)},
        manifest["metadata"].get("resourceVersion") or "",
    )


def _owner(metadata: Mapping[str, Any]) -> str:
    """Return the workload that creates a pod: `deployment/app` for a pod of one of its ReplicaSets."""
    owners = [each for each in metadata.get("ownerReferences") or () if each.get("controller")]
    if not owners:
        return ""
    kind, name = owners[0]["kind"], owners[0]["name"]
    template = f"-{(metadata.get('labels') or {}).get('pod-template-hash')}"
    if kind == "ReplicaSet" and name.endswith(template):
        return f"deployment/{name.removesuffix(template)}"
    return f"{kind.lower()}/{name}"


def _identity_variables(variables: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the variables that decide the AWS identity; the value of a static access key is left out."""
    values = {each["name"]: each.get("value") or "" for each in variables}
    public = {name: value for name, value in values.items() if name in IDENTITY_VARIABLES}
    return public | ({STATIC_KEY: "set"} if STATIC_KEY in values else {})


def _annotation_keys(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the annotations that a user wrote. Their values may contain secrets."""
    return tuple(sorted(key for key in metadata.get("annotations") or {} if key != _LAST_APPLIED))


def _identity_annotations(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations that are, or are meant to be, those of EKS. Others may contain secrets.

    kubectl's last-applied-configuration, for example, repeats the environment of each container. The API server reads
    null as an empty text.
    """
    annotations: Mapping[str, str | None] = metadata.get("annotations") or {}
    return {
        key: value or ""
        for key, value in annotations.items()
        if "amazon" in key or key.endswith("role-arn") or (value or "").startswith("arn:")
    }


def _time(value: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
