"""The ConfigMap aws-auth of a stack: the ConfigMap itself, and the entries that `AwsAuthMapping` adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotRead
from eks_access.sources import manifests
from eks_access.sources.pulumi.kubernetes import manifests_of, object_key
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.values import UnknownValueError
from eks_identity.errors import InvalidInput
from eks_identity.model.aws_auth import AwsAuth, UserMapping

MAPPING = "eks-identity:AwsAuthMapping"
PART = "ConfigMap aws-auth"
_KEY = ("kube-system", "aws-auth")
_DATA = "data"


def aws_auth_config_map(
    resources: Iterable[Resource], deleted: Sequence[Resource], unassigned: Iterable[Resource], reason: str
) -> AwsAuthConfigMap:
    """Return the ConfigMap as far as the stack declares it.

    It may have entries of other writers, unless the stack declares the whole ConfigMap and ignores no change of it; and
    those of `unassigned`, resources whose cluster is not known.
    """
    document = AwsAuth()
    is_complete, reasons = False, [reason]
    mappings: list[Resource] = []
    unassigned_mappings = [f"the cluster of {each} is not known" for each in unassigned if each.kind == MAPPING]
    reasons += unassigned_mappings
    for resource in resources:
        if resource.kind == MAPPING:
            mappings.append(resource)
            continue
        try:
            if not _is_aws_auth(resource):
                continue
            manifest = {"metadata": {}, _DATA: resource.require(_DATA)}
            document = AwsAuth.parse(manifests.aws_auth(manifest).data)
            is_complete = not resource.kind.endswith("Patch") and not any(
                ignored.partition(".")[0] == _DATA for ignored in resource.ignores
            )
        except UnknownValueError as error:
            reasons.append(str(error))
    for mapping in mappings:
        try:
            document = document.change(_mapping(mapping))
        except UnknownValueError as error:
            reasons.append(str(error))
            is_complete = False
        except InvalidInput as error:
            reasons.append(f"{mapping}: {error.problems[0].rule}")
            is_complete = False
    removed = [_removed_arn(each) for each in deleted if each.kind == MAPPING]
    gaps = None if is_complete and not unassigned_mappings else NotRead(PART, "; or ".join(reasons))
    mapped = {entry.arn.lower() for entry in document.entries}
    removed_arns = tuple(arn for arn in removed if arn and arn.lower() not in mapped)
    return AwsAuthConfigMap(document.data, gaps=gaps, removed_arns=removed_arns)


def _is_aws_auth(resource: Resource) -> bool:
    return any(kind == "ConfigMap" and object_key(manifest) == _KEY for kind, manifest in manifests_of(resource))


def _mapping(resource: Resource) -> UserMapping:
    groups = tuple(resource.require("groups") or ())
    return UserMapping(resource.text("arn"), resource.text("username"), groups)


def _removed_arn(resource: Resource) -> str:
    arn = resource.get("arn")
    return arn if isinstance(arn, str) else ""
