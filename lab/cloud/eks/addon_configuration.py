"""JSON schemas of the add-ons' configuration values, and validation against them.

Each add-on publishes its schema in DescribeAddonConfiguration. EKS validates `configurationValues`, JSON or YAML text,
against it. The lab's schemas have the documented properties. They allow everything inside of `affinity`, `resources`
and other parts of a pod's specification, which Kubernetes validates.

Sources: the documentation of each add-on's configuration, and the EKS user guide, "Update an Amazon EKS add-on".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml

from lab.cloud.eks.errors import InvalidParameterException

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_SWITCH: Schema = {"type": "boolean"}
_TEXT_SWITCH: Schema = {"type": "string", "enum": ["true", "false"]}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_TEXT_LIST: Schema = {"type": "array", "items": {"type": "string"}}
_OBJECT: Schema = {"type": "object"}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}


def _closed(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


_POD = {
    "affinity": _OBJECT,
    "nodeSelector": _TEXTS,
    "podAnnotations": _TEXTS,
    "podLabels": _TEXTS,
    "resources": _OBJECT,
    "tolerations": _OBJECTS,
}
_DEPLOYMENT = {**_POD, "replicaCount": {**_NUMBER, "minimum": 0}, "topologySpreadConstraints": _OBJECTS}
_DRIVER_CONTROLLER = {
    **_DEPLOYMENT,
    "additionalArgs": _TEXT_LIST,
    "batching": _SWITCH,
    "defaultFsType": _TEXT,
    "env": _OBJECTS,
    "extraVolumeTags": _TEXTS,
    "logLevel": _NUMBER,
    "serviceAccount": _OBJECT,
    "updateStrategy": _OBJECT,
    "volumeModification": _OBJECT,
}
_DRIVER_NODE = {
    **_POD,
    "additionalArgs": _TEXT_LIST,
    "enableWindows": _SWITCH,
    "env": _OBJECTS,
    "kubeletPath": _TEXT,
    "logLevel": _NUMBER,
    "serviceAccount": _OBJECT,
    "tolerateAllTaints": _SWITCH,
    "updateStrategy": _OBJECT,
    "volumeAttachLimit": _NUMBER,
}
_DRIVER = {
    "controller": _closed(_DRIVER_CONTROLLER),
    "defaultStorageClass": _closed({"enabled": _SWITCH}),
    "node": _closed(_DRIVER_NODE),
    "sidecars": _OBJECT,
}

_PROPERTIES: Mapping[str, Mapping[str, Schema]] = {
    "vpc-cni": {
        **_POD,
        "enableNetworkPolicy": _TEXT_SWITCH,
        "enableWindowsIpam": _TEXT_SWITCH,
        "enableWindowsPrefixDelegation": _TEXT_SWITCH,
        "eniConfig": _OBJECT,
        "env": _TEXTS,
        "init": _closed({"env": _TEXTS, "resources": _OBJECT}),
        "livenessProbeTimeoutSeconds": _NUMBER,
        "minimumWindowsIPTarget": _NUMBER,
        "nodeAgent": _OBJECT,
        "priorityClassName": _TEXT,
        "readinessProbeTimeoutSeconds": _NUMBER,
        "warmWindowsIPTarget": _NUMBER,
        "warmWindowsPrefixTarget": _NUMBER,
    },
    "coredns": {
        **_DEPLOYMENT,
        "autoScaling": _closed({"enabled": _SWITCH, "minReplicas": _NUMBER, "maxReplicas": _NUMBER}),
        "computeType": _TEXT,
        "corefile": _TEXT,
        "podDisruptionBudget": _OBJECT,
    },
    "kube-proxy": {
        **_POD,
        "ipvs": _closed({"scheduler": _TEXT}),
        "mode": {"type": "string", "enum": ["iptables", "ipvs", "nftables"]},
    },
    "eks-pod-identity-agent": {
        **_POD,
        "agent": _closed({"additionalArgs": {**_TEXTS, "additionalProperties": {"type": ["string", "boolean"]}}}),
        "env": _TEXTS,
        "priorityClassName": _TEXT,
        "updateStrategy": _OBJECT,
    },
    "aws-ebs-csi-driver": {**_DRIVER, "a1CompatibilityDaemonSet": _SWITCH, "useOldCSIDriver": _SWITCH},
    "aws-efs-csi-driver": _DRIVER,
    "aws-fsx-csi-driver": _DRIVER,
    "aws-mountpoint-s3-csi-driver": {
        "controller": _closed(_POD),
        "experimental": _OBJECT,
        "mountpointPod": _OBJECT,
        "node": _closed(_DRIVER_NODE),
    },
    "external-dns": {
        **_POD,
        "domainFilters": _TEXT_LIST,
        "env": _OBJECTS,
        "excludeDomains": _TEXT_LIST,
        "extraArgs": _TEXT_LIST,
        "interval": _TEXT,
        "labelFilter": _TEXT,
        "logFormat": _TEXT,
        "logLevel": _TEXT,
        "policy": {"type": "string", "enum": ["create-only", "sync", "upsert-only"]},
        "registry": _TEXT,
        "serviceAccount": _OBJECT,
        "sources": _TEXT_LIST,
        "txtOwnerId": _TEXT,
        "txtPrefix": _TEXT,
        "txtSuffix": _TEXT,
    },
    "cert-manager": {
        **_DEPLOYMENT,
        "cainjector": _OBJECT,
        "enableCertificateOwnerRef": _SWITCH,
        "extraArgs": _TEXT_LIST,
        "serviceAccount": _OBJECT,
        "webhook": _OBJECT,
    },
    "snapshot-controller": _DEPLOYMENT,
    "metrics-server": {
        **_DEPLOYMENT,
        "addonResizer": _OBJECT,
        "podDisruptionBudget": _OBJECT,
        "replicas": {**_NUMBER, "minimum": 0},
    },
    "eks-node-monitoring-agent": {"dcgmAgent": _OBJECT, "monitoringAgent": _OBJECT},
    "amazon-cloudwatch-observability": {
        "agent": _OBJECT,
        "agents": _OBJECTS,
        "containerLogs": _OBJECT,
        "dcgmExporter": _OBJECT,
        "manager": _OBJECT,
        "neuronMonitor": _OBJECT,
        "tolerations": _OBJECTS,
    },
}


@cache
def configuration_schema(addon: str) -> Schema:
    """Return the JSON schema of the add-on's configuration values."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_closed(_PROPERTIES[addon])}


def check_configuration(addon: str, text: str | None) -> None:
    """Reject configuration values that are no JSON or YAML object, or that the add-on's schema does not allow.

    Raises:
        InvalidParameterException: the values are not valid. The message is EKS's.
    """
    if not text:
        return
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidParameterException(
            "ConfigurationValue provided in request is not supported: it is neither JSON nor YAML", addon=addon
        ) from error
    validator = jsonschema.Draft7Validator(configuration_schema(addon))
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(values)]
    if problems:
        raise InvalidParameterException(
            "ConfigurationValue provided in request is not supported: Json schema validation failed with error: "
            f"[{', '.join(problems)}]",
            addon=addon,
        )
