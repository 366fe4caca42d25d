"""Tags of every resource of EKS that has an ARN: clusters, node groups, add-ons, access entries and associations."""

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
            tags = self._tags()
            wanted = {**tags, **self.param("tags")}
            if len(wanted) > MAX_TAGS:
                raise errors.BadRequestException(f"A resource has at most {MAX_TAGS} tags, not {len(wanted)}")
            tags |= wanted
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        with self.store.lock:
            tags = self._tags()
            for key in self.param("tagKeys"):
                tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"tags": dict(self._tags())})

    def _tags(self) -> dict[str, str]:
        arn = self.param("resourceArn")
        if not arn.startswith(f"arn:{self.partition}:eks:"):
            raise errors.BadRequestException(f"{arn} is not the ARN of an EKS resource")
        for cluster in self.store.clusters.values():
            for resource_arn, tagged in _resources(cluster):
                if resource_arn == arn:
                    tags: dict[str, str] = tagged.tags
                    return tags
        raise errors.NotFoundException(f"No resource found for ARN: {arn}")


def _resources(cluster: ClusterRecord) -> list[tuple[str, Any]]:
    """Everything of a cluster that can be tagged, with its ARN."""
    parts: list[Any] = [
        *cluster.nodegroups.values(),
        *cluster.addons.values(),
        *cluster.access_entries.values(),
        *cluster.associations.values(),
    ]
    return [(cluster.key.arn, cluster), *((part.arn, part) for part in parts)]
