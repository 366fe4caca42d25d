"""Operations for the tags of clusters, node groups, add-ons, access entries and Pod Identity associations."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from lab.cloud.eks import errors
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import ClusterRecord

MAX_TAGS = 50


class TagOperations(Operations):
    """TagResource, UntagResource and ListTagsForResource."""

    def tag_resource(self) -> ActionResult:
        with self.store.lock:
            tags = self._find_tags()
            merged = {**tags, **self.param("tags")}
            if len(merged) > MAX_TAGS:
                raise errors.BadRequestException(f"A resource has at most {MAX_TAGS} tags, not {len(merged)}")
            tags |= merged
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        with self.store.lock:
            tags = self._find_tags()
            for key in self.param("tagKeys"):
                tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"tags": dict(self._find_tags())})

    def _find_tags(self) -> dict[str, str]:
        arn = self.param("resourceArn")
        if not arn.startswith(f"arn:{self.partition}:eks:"):
            raise errors.BadRequestException(f"{arn} is not the ARN of an EKS resource")
        for cluster in self.store.clusters.values():
            for resource_arn, resource in _list_resources(cluster):
                if resource_arn == arn:
                    tags: dict[str, str] = resource.tags
                    return tags
        raise errors.NotFoundException(f"No resource found for ARN: {arn}")


def _list_resources(cluster: ClusterRecord) -> list[tuple[str, Any]]:
    """Return the cluster and all its resources that have tags, each with its ARN."""
    resources: list[Any] = [
        *cluster.nodegroups.values(),
        *cluster.addons.values(),
        *cluster.access_entries.values(),
        *cluster.associations.values(),
    ]
    return [(cluster.key.arn, cluster), *((resource.arn, resource) for resource in resources)]
