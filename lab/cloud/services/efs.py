"""Enforced operations of Amazon EFS."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend, tags_of
from lab.cloud.services.rules import Resolver, Service, any_of, members, names


def _resource_id(prefix: str, variable: str) -> Resolver:
    """Return a resolver for the member `ResourceId`, an id or an ARN of a file system or of an access point."""
    fill = members(**{variable: "ResourceId"})

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
        if str(call.params.get("ResourceId") or "").rpartition("/")[2].startswith(prefix):
            yield from fill(call, resource_type)

    return resolve


def _mounted_file_system(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the file system of the mount target that the call names."""
    target_id = call.params.get("MountTargetId")
    any_arn = resource_type.arn_format.replace("${Partition}", call.partition).replace("${Region}", call.region)
    backend = find_backend("efs", any_arn.replace("${Account}", call.account)) if target_id else None
    target = backend.mount_targets_by_id.get(str(target_id)) if backend else None
    if target is not None:
        yield from members(FileSystemId=f"'{target.file_system_id}'")(call, resource_type)


EFS = Service(
    name="efs",
    prefix="elasticfilesystem",
    signing_name="elasticfilesystem",
    backend="efs",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html",
    operations=names(
        "CreateAccessPoint CreateFileSystem CreateMountTarget DeleteAccessPoint DeleteFileSystem DeleteMountTarget "
        "DescribeAccessPoints DescribeFileSystems DescribeMountTargets ListTagsForResource TagResource UntagResource"
    ),
    resources={
        "file-system": any_of(
            members(FileSystemId="FileSystemId"), _resource_id("fs-", "FileSystemId"), _mounted_file_system
        ),
        "access-point": any_of(members(AccessPointId="AccessPointId"), _resource_id("fsap-", "AccessPointId")),
    },
    tagging={"CreateAccessPoint": "TagResource", "CreateFileSystem": "TagResource"},
    condition_members={"elasticfilesystem:Encrypted": "Encrypted"},
    list_tags=tags_of("efs"),
    invalid_arn=("BadRequest", 400),
)
