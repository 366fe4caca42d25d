"""Mutation of a new pod by the EKS Pod Identity webhook. Pure functions from a pod to a JSON patch.

Rules, names and order are those of aws/amazon-eks-pod-identity-webhook (pkg/handler, pkg/cache):

| identity of the service account     | environment added to each container      | volume                    |
|-------------------------------------|------------------------------------------|---------------------------|
| Pod Identity association            | `AWS_CONTAINER_CREDENTIALS_FULL_URI`,    | `eks-pod-identity-token`  |
|                                     | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` |                           |
| annotation `role-arn` (IRSA)        | `AWS_ROLE_ARN`,                          | `aws-iam-token`           |
|                                     | `AWS_WEB_IDENTITY_TOKEN_FILE`            |                           |
| both                                | as for the association, which wins       | `eks-pod-identity-token`  |
| neither                             | none, also not the regions below         | none                      |

Both add `AWS_REGION`, `AWS_DEFAULT_REGION` and `AWS_STS_REGIONAL_ENDPOINTS=regional`. A pair or variable that a
container sets itself stays unchanged. The address 169.254.170.23 is that of the EKS Pod Identity Agent; a node makes it
reachable.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DOMAIN = "eks.amazonaws.com"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
DEFAULT_EXPIRATION = 86_400
MIN_EXPIRATION = 3_600
"""Seconds. The webhook raises shorter lifetimes to this value."""
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True)
class _TokenInjection:
    """The token volume and the variables that give a pod an AWS identity."""

    volume: str
    folder: str
    file: str
    audience: str
    source: tuple[str, str]
    """Name and value of the variable that tells the SDK the source of the credentials."""
    token_variable: str
    """Name of the variable that holds the path of the token file."""


_POD_IDENTITY_INJECTION = _TokenInjection(
    volume="eks-pod-identity-token",
    folder="/var/run/secrets/pods.eks.amazonaws.com/serviceaccount",
    file="eks-pod-identity-token",
    audience="pods.eks.amazonaws.com",
    source=("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
    token_variable="AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",  # noqa: S106 - a variable's name
)


def mutate(
    pod: Mapping[str, Any], annotations: Mapping[str, str], *, associated: bool, region: str
) -> list[dict[str, Any]]:
    """Return the JSON patch (RFC 6902) for `pod`. It is empty if the pod has no AWS identity or needs no change.

    Args:
        pod: the pod of the admission request.
        annotations: annotations of the pod's service account.
        associated: whether a Pod Identity association exists for that service account.
        region: region of the cluster.
    """
    injection = _POD_IDENTITY_INJECTION if associated else _irsa_injection(annotations)
    if injection is None:
        return []
    spec = pod["spec"]
    pod_annotations = pod.get("metadata", {}).get("annotations") or {}
    skipped = _skipped_containers(pod_annotations)
    variable_sets = _variable_sets(injection, annotations, region, windows=_is_windows(spec))
    volume = _token_volume(injection, _token_expiration(annotations, pod_annotations))
    patch: list[dict[str, Any]] = []
    if not spec.get("volumes"):
        patch.append({"op": "add", "path": "/spec/volumes", "value": [volume]})
    elif all(other["name"] != injection.volume for other in spec["volumes"]):
        patch.append({"op": "add", "path": "/spec/volumes/0", "value": volume})
    for kind in ("containers", "initContainers"):
        before = spec.get(kind) or []
        after = [
            item if item["name"] in skipped else _mutate_container(item, injection, variable_sets) for item in before
        ]
        if after != before:
            patch.append({"op": "add", "path": f"/spec/{kind}", "value": after})
    return patch


def _irsa_injection(annotations: Mapping[str, str]) -> _TokenInjection | None:
    role_arn = annotations.get(f"{DOMAIN}/role-arn")
    if not role_arn:
        return None
    return _TokenInjection(
        volume="aws-iam-token",
        folder="/var/run/secrets/eks.amazonaws.com/serviceaccount",
        file="token",
        audience=annotations.get(f"{DOMAIN}/audience", DEFAULT_AUDIENCE),
        source=("AWS_ROLE_ARN", role_arn),
        token_variable="AWS_WEB_IDENTITY_TOKEN_FILE",  # noqa: S106 - a variable's name
    )


def _variable_sets(
    injection: _TokenInjection, annotations: Mapping[str, str], region: str, *, windows: bool
) -> list[dict[str, str]]:
    """Return sets of variables. A container that has a variable of a set gets none of that set."""
    token_file = f"{injection.folder}/{injection.file}"
    if windows:
        token_file = "C:" + token_file.replace("/", "\\")
    name, value = injection.source
    regional = _BOOLEANS.get(annotations.get(f"{DOMAIN}/sts-regional-endpoints", ""), True)
    return [
        {"AWS_STS_REGIONAL_ENDPOINTS": "regional"} if regional else {},
        {"AWS_DEFAULT_REGION": region, "AWS_REGION": region},
        {name: value, injection.token_variable: token_file},
    ]


def _mutate_container(
    container: Mapping[str, Any], injection: _TokenInjection, variable_sets: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    changed = dict(container)
    env, mounts = container.get("env") or [], container.get("volumeMounts") or []
    names = {variable["name"] for variable in env}
    added = [
        {"name": name, "value": value}
        for variable_set in variable_sets
        if names.isdisjoint(variable_set)
        for name, value in variable_set.items()
    ]
    if added:
        changed["env"] = [*env, *added]
    if all(mount["name"] != injection.volume for mount in mounts):
        changed["volumeMounts"] = [*mounts, {"name": injection.volume, "readOnly": True, "mountPath": injection.folder}]
    return changed


def _is_windows(spec: Mapping[str, Any]) -> bool:
    labels = spec.get("nodeSelector") or {}
    return "windows" in {labels.get("kubernetes.io/os"), labels.get("beta.kubernetes.io/os")}


def _token_volume(injection: _TokenInjection, expiration: int) -> dict[str, Any]:
    token = {"audience": injection.audience, "expirationSeconds": expiration, "path": injection.file}
    return {"name": injection.volume, "projected": {"sources": [{"serviceAccountToken": token}]}}


def _token_expiration(service_account: Mapping[str, str], pod: Mapping[str, str]) -> int:
    """Return seconds from the pod's annotation, otherwise the service account's. Non-numeric values are ignored."""
    for source in (pod, service_account):
        try:
            return max(int(source[f"{DOMAIN}/token-expiration"]), MIN_EXPIRATION)
        except (KeyError, ValueError):
            continue
    return DEFAULT_EXPIRATION


def _skipped_containers(annotations: Mapping[str, str]) -> set[str]:
    """Return the names of the containers that the pod's annotation excludes. Its value is one CSV record."""
    return set(next(csv.reader([annotations.get(f"{DOMAIN}/skip-containers", "")]), []))
