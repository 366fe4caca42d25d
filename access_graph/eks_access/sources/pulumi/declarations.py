"""The resources that declare the objects of a stack: a fix by hand would last until the next update."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.sources.pulumi.aws_auth import MAPPING
from eks_access.sources.pulumi.eks import ENTRY, OWN_ENTRY
from eks_access.sources.pulumi.iam import OIDC_PROVIDER, ROLE
from eks_access.sources.pulumi.kubernetes import manifests_of, object_key
from eks_access.sources.pulumi.resources import Resource, describe
from eks_access.sources.pulumi.values import UnknownValueError

_STACK = "pulumi:pulumi:Stack"
_NAMESPACED = {"Role": "Role", "RoleBinding": "RoleBinding", "ServiceAccount": "service account"}


def declarations(resources: Iterable[Resource], aws_auth: AwsAuthConfigMap | None) -> dict[str, str]:
    """Return the resource of each object, with its component, by the object as findings name it."""
    locations: dict[str, list[str]] = {}
    for entry in aws_auth.document.entries if aws_auth else ():
        locations.setdefault(entry.arn.lower(), []).append(entry.location)
    found: dict[str, str] = {}
    # An entry that `AwsAuthMapping` adds is not in the program's ConfigMap.
    declared = (resource for resource in resources if not resource.is_read)
    for resource in sorted(declared, key=lambda each: each.kind == MAPPING):
        found |= dict.fromkeys(_subjects(resource, locations), _words(resource))
    return found


def _subjects(resource: Resource, locations: dict[str, list[str]]) -> Iterator[str]:
    """Yield the objects of a resource as findings name them."""
    arn = resource.get("arn")
    if resource.kind == ROLE:
        yield from (f"IAM role {arn}", f"trust policy of {arn}")
    elif resource.kind == OIDC_PROVIDER:
        yield f"IAM OIDC provider {arn}"
    elif resource.kind in {ENTRY, OWN_ENTRY}:
        yield f"access entry of {resource.get('principalArn')}"
    elif resource.kind == MAPPING:
        yield from locations.get(str(arn).lower(), ())
    for kind, manifest in manifests_of(resource):
        try:
            namespace, name = object_key(manifest)
        except UnknownValueError:
            continue
        if (kind, namespace, name) == ("ConfigMap", "kube-system", "aws-auth"):
            yield from (location for each in locations.values() for location in each)
        elif kind in {"ClusterRole", "ClusterRoleBinding"}:
            yield f"{kind} {name}"
        elif kind in _NAMESPACED:
            yield f"{_NAMESPACED[kind]} {namespace}/{name}"


def _words(resource: Resource) -> str:
    is_child = bool(resource.parent) and f"::{_STACK}::" not in resource.parent
    return f"{resource} of {describe(resource.parent)}" if is_child else str(resource)
