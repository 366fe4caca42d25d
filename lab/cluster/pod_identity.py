"""What EKS's pod identity webhook does to a pod that is being created: pure, from pod to JSON patch.

Rules, names and order are those of aws/amazon-eks-pod-identity-webhook (pkg/handler, pkg/cache):

| found for the pod's service account | environment added to each container      | volume                    |
|-------------------------------------|------------------------------------------|---------------------------|
| Pod Identity association            | `AWS_CONTAINER_CREDENTIALS_FULL_URI`,    | `eks-pod-identity-token`  |
|                                     | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` |                           |
| annotation `role-arn` (IRSA)        | `AWS_ROLE_ARN`,                          | `aws-iam-token`           |
|                                     | `AWS_WEB_IDENTITY_TOKEN_FILE`            |                           |
| both                                | as for the association, which wins       | `eks-pod-identity-token`  |
| neither                             | nothing, the regions below neither       | none                      |

Both add `AWS_REGION`, `AWS_DEFAULT_REGION` and `AWS_STS_REGIONAL_ENDPOINTS=regional`. A pair or variable that a
container sets itself stays as it is. The address 169.254.170.23 is EKS's own: a node makes it reachable.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DOMAIN = "eks.amazonaws.com"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
DEFAULT_EXPIRATION = 86_400
MINIMUM_EXPIRATION = 3_600
"""Seconds; the webhook raises anything shorter to this."""
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True)
class _Identity:
    """One way of giving a pod an AWS identity: which token goes where, and which variables tell the SDKs."""

    volume: str
    folder: str
    file: str
    audience: str
    source: tuple[str, str]
    """A variable and its value: where the credentials come from."""
    token_variable: str
    """The variable that holds the path of the token's file."""


_POD_IDENTITY = _Identity(
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
    """The JSON patch (RFC 6902) for `pod`; empty where it needs none.

    Args:
        pod: the pod as the admission request holds it.
        annotations: those of the pod's service account.
        associated: whether a Pod Identity association names that service account.
        region: the cluster's.
    """
    identity = _POD_IDENTITY if associated else _web_identity(annotations)
    if identity is None:
        return []
    spec = pod["spec"]
    pod_annotations = pod.get("metadata", {}).get("annotations") or {}
    skipped = _skipped(pod_annotations)
    variables = _variables(identity, annotations, region, windows=_is_windows(spec))
    volume = _volume(identity, _expiration(annotations, pod_annotations))
    patch: list[dict[str, Any]] = []
    if not spec.get("volumes"):
        patch.append({"op": "add", "path": "/spec/volumes", "value": [volume]})
    elif all(each["name"] != identity.volume for each in spec["volumes"]):
        patch.append({"op": "add", "path": "/spec/volumes/0", "value": volume})
    for kind in ("containers", "initContainers"):
        before = spec.get(kind) or []
        after = [each if each["name"] in skipped else _container(each, identity, variables) for each in before]
        if after != before:
            patch.append({"op": "add", "path": f"/spec/{kind}", "value": after})
    return patch


def _web_identity(annotations: Mapping[str, str]) -> _Identity | None:
    role_arn = annotations.get(f"{DOMAIN}/role-arn")
    if not role_arn:
        return None
    return _Identity(
        volume="aws-iam-token",
        folder="/var/run/secrets/eks.amazonaws.com/serviceaccount",
        file="token",
        audience=annotations.get(f"{DOMAIN}/audience", DEFAULT_AUDIENCE),
        source=("AWS_ROLE_ARN", role_arn),
        token_variable="AWS_WEB_IDENTITY_TOKEN_FILE",  # noqa: S106 - a variable's name
    )


def _variables(
    identity: _Identity, annotations: Mapping[str, str], region: str, *, windows: bool
) -> list[dict[str, str]]:
    """Sets of variables; a container that has one of a set keeps its own and gets none of that set."""
    token_file = f"{identity.folder}/{identity.file}"
    if windows:
        token_file = "C:" + token_file.replace("/", "\\")
    name, value = identity.source
    regional = _BOOLEANS.get(annotations.get(f"{DOMAIN}/sts-regional-endpoints", ""), True)
    return [
        {"AWS_STS_REGIONAL_ENDPOINTS": "regional"} if regional else {},
        {"AWS_DEFAULT_REGION": region, "AWS_REGION": region},
        {name: value, identity.token_variable: token_file},
    ]


def _container(
    container: Mapping[str, Any], identity: _Identity, variables: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    changed = dict(container)
    env, mounts = container.get("env") or [], container.get("volumeMounts") or []
    own = {each["name"] for each in env}
    added = [
        {"name": name, "value": value} for each in variables if own.isdisjoint(each) for name, value in each.items()
    ]
    if added:
        changed["env"] = [*env, *added]
    if all(each["name"] != identity.volume for each in mounts):
        changed["volumeMounts"] = [*mounts, {"name": identity.volume, "readOnly": True, "mountPath": identity.folder}]
    return changed


def _is_windows(spec: Mapping[str, Any]) -> bool:
    labels = spec.get("nodeSelector") or {}
    return "windows" in {labels.get("kubernetes.io/os"), labels.get("beta.kubernetes.io/os")}


def _volume(identity: _Identity, expiration: int) -> dict[str, Any]:
    token = {"audience": identity.audience, "expirationSeconds": expiration, "path": identity.file}
    return {"name": identity.volume, "projected": {"sources": [{"serviceAccountToken": token}]}}


def _expiration(service_account: Mapping[str, str], pod: Mapping[str, str]) -> int:
    """Seconds: the pod's annotation counts before the service account's; what is not a number is passed over."""
    for source in (pod, service_account):
        try:
            return max(int(source[f"{DOMAIN}/token-expiration"]), MINIMUM_EXPIRATION)
        except (KeyError, ValueError):
            continue
    return DEFAULT_EXPIRATION


def _skipped(annotations: Mapping[str, str]) -> set[str]:
    """Names of the containers that the pod's annotation excludes: one CSV record."""
    return set(next(csv.reader([annotations.get(f"{DOMAIN}/skip-containers", "")]), []))
