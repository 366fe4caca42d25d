"""Operations for the tags of clusters, node groups, add-ons, access entries, associations and Fargate profiles.

A call reaches the resources of the caller's account in the Region of the request. EKS has no resource policies, so that
every ARN of another account is denied.
"""

from __future__ import annotations

import re

from moto.core.responses import ActionResult, EmptyResult

from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.eks import errors
from lab.cloud.eks.operations import Operations
from lab.cloud.request_identity import read_caller

MAX_TAGS = 50

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?:cluster/[^/]+|(?:nodegroup|addon|fargateprofile|capability|identityproviderconfig)/.+"
    r"|access-entry/.+|podidentityassociation/[^/]+/[^/]+|eks-anywhere-subscription/.+)",
    re.ASCII,
)


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
        match = _ARN.fullmatch(arn)
        if match is None or match["partition"] != self.partition:
            raise errors.BadRequestException(f"{arn} is not the ARN of an EKS resource")
        if match["account"] != self.current_account:
            raise self._deny(arn)
        if match["region"] == self.region:
            for cluster in self.store.clusters.values():
                is_own = (cluster.key.account, cluster.key.region) == (self.current_account, self.region)
                if is_own and (resource := cluster.tagged_resources().get(arn)):
                    return resource.tags
        raise errors.NotFoundException(f"No resource found for ARN: {arn}")

    def _deny(self, arn: str) -> AwsErrorResponse:
        action = f"eks:{self.operation.name}"
        caller = read_caller(self.normalized_request.environ)
        message = (
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn} "
            f"because no resource-based policy allows the {action} action"
        )
        return AwsErrorResponse("rest-json", "AccessDeniedException", message)
