"""Resource specs of S3's buckets: existence, owner and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Tags, Values, computed, input_

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

_NO_SETTINGS: Final = "the lab's buckets have objects but no settings"
_BOTH: Final = (
    "accelerationStatus",
    "acl",
    "bucketNamespace",
    "corsRules",
    "grants",
    "hostedZoneId",
    "lifecycleRules",
    "objectLockConfiguration",
    "objectLockEnabled",
    "policy",
    "requestPayer",
    "websiteDomain",
    "websiteEndpoint",
)


def _location(values: Values) -> dict[str, Any] | None:
    """Return the location constraint: S3 accepts none for us-east-1."""
    region = values["region"]
    return None if region == "us-east-1" else {"LocationConstraint": region}


def _empty(clients: Clients, values: Values) -> None:
    """Delete all objects if `forceDestroy` is set: S3 deletes no bucket with objects."""
    if not values.get("forceDestroy"):
        return
    client = clients.client("s3", values.get("region"))
    for page in client.get_paginator("list_object_versions").paginate(Bucket=values["id"]):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
        if objects:
            client.delete_objects(Bucket=values["id"], Delete={"Objects": objects, "Quiet": True})


def _bucket(kind: str, *settings: str) -> ResourceSpec:
    return ResourceSpec(
        type=kind,
        service="s3",
        name=Name("bucket", limit=63, prefix="bucketPrefix", lowercase=True),
        properties=(
            input_("bucket", "Id", computed=True, replaces=True),
            input_("bucketPrefix", computed=True, replaces=True),
            input_("forceDestroy", default=False),
            computed("arn", "join('', ['arn:', Partition, ':s3:::', Id])"),
            computed("bucketDomainName", "join('', [Id, '.s3.amazonaws.com'])"),
            computed("bucketRegionalDomainName", "join('', [Id, '.s3.', Region, '.amazonaws.com'])"),
            computed("bucketRegion", "Region"),
        ),
        not_covered=dict.fromkeys((*_BOTH, *settings), _NO_SETTINGS),
        id=Id(("bucket",)),
        unique_by=("bucket",),
        create=Call("create_bucket", {"Bucket": "$bucket", "CreateBucketConfiguration": _location}),
        read=Call("head_bucket", {"Bucket": "$id"}),
        details=(("TagSet", Call("get_bucket_tagging", {"Bucket": "$id"}, "TagSet")),),
        before_delete=(_empty,),
        delete=Call("delete_bucket", {"Bucket": "$id"}),
        tags=Tags(
            add=Call("put_bucket_tagging", {"Bucket": "$id", "Tagging": {"TagSet": "$tagList"}}),
            remove=Call("delete_bucket_tagging", {"Bucket": "$id"}),
            found="TagSet",
            at_create=True,
        ),
    )


SPECS: Final = (
    _bucket(
        "aws:s3/bucket:Bucket",
        "logging",
        "replicationConfiguration",
        "serverSideEncryptionConfiguration",
        "versioning",
        "website",
    ),
    _bucket(
        "aws:s3/bucketV2:BucketV2",
        "loggings",
        "replicationConfigurations",
        "serverSideEncryptionConfigurations",
        "versionings",
        "websites",
    ),
)
