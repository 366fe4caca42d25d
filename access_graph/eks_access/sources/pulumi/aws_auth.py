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
    is_complete, unread = False, []
    mappings: list[Resource] = []
    unread_mappings = [each for each in unassigned if each.kind == MAPPING]
    unread += [f"the cluster of {each} is not known" for each in unread_mappings]
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
            unread.append(str(error))
    for mapping in mappings:
        try:
            document = document.change(_mapping(mapping))
        except UnknownValueError as error:
            unread.append(str(error))
            unread_mappings.append(mapping)
        except InvalidInput as error:
            unread.append(f"{mapping}: {error.problems[0].rule}")
            unread_mappings.append(mapping)
    gaps = None if is_complete and not unread else NotRead(PART, "; or ".join([reason, *unread]))
    unread_arns = _arns(unread_mappings)
    mapped = {arn.lower() for arn in (*unread_arns, *(entry.arn for entry in document.entries))}
    removed_arns = _arns(each for each in deleted if each.kind == MAPPING)
    return AwsAuthConfigMap(
        document.data,
        gaps=gaps,
        removed_arns=tuple(arn for arn in removed_arns if arn.lower() not in mapped),
        unread=tuple(NotRead(PART, each) for each in unread),
        unread_arns=unread_arns,
    )


def _is_aws_auth(resource: Resource) -> bool:
    return any(kind == "ConfigMap" and object_key(manifest) == _KEY for kind, manifest in manifests_of(resource))


def _mapping(resource: Resource) -> UserMapping:
    groups = tuple(resource.require("groups") or ())
    return UserMapping(resource.text("arn"), resource.text("username"), groups)


def _arns(mappings: Iterable[Resource]) -> tuple[str, ...]:
    """Return the ARNs of mappings, as far as they are known."""
    return tuple(arn for mapping in mappings if isinstance(arn := mapping.get("arn"), str))
