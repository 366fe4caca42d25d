"""Resources of Amazon S3 calls: actions, ARNs, owners, policies and condition keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from moto.s3.models import FakeDeleteMarker, s3_backends

from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.policy import Policy
from lab.cloud.services.backends import parse_policy
from lab.cloud.services.rules import Requirement, names, tag_mapping

ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
"""Operations whose action has another name.

Source: "Required permissions for Amazon S3 API operations"
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""
_VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
"""Actions on an object, and the actions on one of its versions."""
_READS = names("GetObject GetObjectAcl GetObjectAttributes GetObjectTagging HeadObject")
_BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def bucket_arn(call: ApiCall) -> str:
    return f"arn:{call.partition}:s3:::{call.params['Bucket']}"


def bucket_requirements(call: ApiCall) -> Iterator[Requirement]:
    yield Requirement(f"s3:{ACTIONS.get(call.name, call.name)}", bucket_arn(call), creates=call.name == "CreateBucket")
    if call.name == "CreateBucket":
        if _has_acl(call):
            yield Requirement("s3:PutBucketAcl", bucket_arn(call))
        if call.params.get("ObjectOwnership"):
            yield Requirement("s3:PutBucketOwnershipControls", bucket_arn(call))
        if call.params.get("ObjectLockEnabledForBucket"):
            yield Requirement("s3:PutBucketObjectLockConfiguration", bucket_arn(call))
            yield Requirement("s3:PutBucketVersioning", bucket_arn(call))


def object_requirements(call: ApiCall) -> Iterator[Requirement]:
    """Yield the actions on the call's object, and on the source of a copy.

    A caller that may not list the bucket does not learn whether an object exists.
    """
    arn = f"{bucket_arn(call)}/{call.params.get('Key', '*')}"
    action = ACTIONS.get(call.name, call.name)
    yield Requirement(_on_version(action, call.params.get("VersionId")), arn)
    if call.name == "GetObjectAttributes":
        yield Requirement(_on_version("GetObject", call.params.get("VersionId")), arn)
    if call.name in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        if call.params.get("Tagging"):
            yield Requirement("s3:PutObjectTagging", arn)
        if _has_acl(call):
            yield Requirement("s3:PutObjectAcl", arn)
    if call.name in _READS and _is_missing(str(call.params["Bucket"]), str(call.params["Key"])):
        yield Requirement("s3:ListBucket", bucket_arn(call))
    if call.params.get("CopySource"):
        yield from _source_requirements(call)


def complete(call: ApiCall) -> Mapping[str, Any]:
    """Return the input with the source of a copy in one form, of which moto reads what the lab judges.

    Raises:
        AwsErrorResponse: the bucket cannot be a bucket's name, or belongs to another account than the expected one.
    """
    bucket = call.params.get("Bucket")
    if bucket is not None and not _BUCKET_NAME.fullmatch(str(bucket)):
        raise call.error("InvalidBucketName", "The specified bucket is not valid.")
    expected = call.params.get("ExpectedBucketOwner")
    if expected and find_owner(bucket_arn(call)) not in {None, expected}:
        raise call.denial("Access Denied")
    if not call.params.get("CopySource"):
        return call.params
    source, key, version = _read_source(str(call.params["CopySource"]))
    if not _BUCKET_NAME.fullmatch(source) or not key:
        raise call.error("InvalidArgument", "The source of the copy must be a bucket and a key")
    text = f"{quote(source)}/{quote(key, safe='')}"
    return {**call.params, "CopySource": f"{text}?versionId={quote(version)}" if version else text}


def _read_source(text: str) -> tuple[str, str, str | None]:
    """Return bucket, key and version of a copy's source."""
    path, _, query = text.partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def _source_requirements(call: ApiCall) -> Iterator[Requirement]:
    bucket, key, version = _read_source(str(call.params["CopySource"]))
    arn = f"arn:{call.partition}:s3:::{bucket}"
    yield Requirement(_on_version("GetObject", version), f"{arn}/{key}")
    if call.name == "CopyObject" and call.params.get("TaggingDirective") != "REPLACE" and object_tags(bucket, key):
        yield Requirement(_on_version("GetObjectTagging", version), f"{arn}/{key}")
        yield Requirement("s3:PutObjectTagging", f"{bucket_arn(call)}/{call.params['Key']}")
    if _is_missing(bucket, key):
        yield Requirement("s3:ListBucket", arn)


def deleted_objects(call: ApiCall) -> Iterator[tuple[Mapping[str, Any], Requirement]]:
    """Yield each object of DeleteObjects, and what its deletion requires."""
    for entry in call.find("Delete.Objects") or ():
        action = _on_version("DeleteObject", entry.get("VersionId"))
        yield entry, Requirement(action, f"{bucket_arn(call)}/{entry.get('Key')}")


def _on_version(action: str, version: Any) -> str:
    return f"s3:{_VERSIONED.get(action, action) if version else action}"


def _has_acl(call: ApiCall) -> bool:
    return any(call.params.get(member) for member in ("ACL", *_GRANTS))


def _find_bucket(name: str) -> Any:
    owner = s3_backends.bucket_accounts.get(name)
    return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def _find_object(bucket: Any, key: str) -> Any:
    """Return the current version of an object, or None if there is none or it is a delete marker."""
    stored = bucket.keys.get(key) if bucket else None
    return None if isinstance(stored, FakeDeleteMarker) else stored


def _is_missing(bucket_name: str, key: str) -> bool:
    return _find_object(_find_bucket(bucket_name), key) is None


def object_tags(bucket_name: str, key: str) -> Mapping[str, str]:
    """Return the tags of an object."""
    bucket = _find_bucket(bucket_name)
    stored = _find_object(bucket, key)
    if stored is None:
        return {}
    owner = s3_backends[bucket.account_id][bucket.partition]
    return dict(owner.tagger.get_tag_dict_for_resource(stored.arn))


def find_policy(arn: str) -> Policy | None:
    name = _bucket_name(arn)
    bucket = _find_bucket(name)
    return None if bucket is None else parse_policy(bucket.policy, name)


def find_owner(arn: str) -> str | None:
    owner = s3_backends.bucket_accounts.get(_bucket_name(arn))
    return owner[1] if owner else None


def _bucket_name(arn: str) -> str:
    return arn.split(":", 5)[5].partition("/")[0]


def context(call: ApiCall, requirement: Requirement) -> Values:
    values: Values = {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}
    owner = find_owner(requirement.resource) if requirement.resource != "*" else None
    values |= {"s3:ResourceAccount": owner or call.account}
    bucket, _, key = requirement.resource.rpartition(":::")[2].partition("/")
    if key:
        tags = object_tags(bucket, key)
        values |= {f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()}
    requested = _requested_tags(call)
    if requested:
        values |= {f"s3:RequestObjectTag/{name}": value for name, value in requested.items()}
        values |= {"s3:RequestObjectTagKeys": tuple(requested)}
    if call.service == "s3" and call.name in {"PutBucketTagging", "CreateBucket"}:
        tags = tag_mapping(call.find("Tagging.TagSet || CreateBucketConfiguration.Tags"))
        values |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
        values |= {"aws:TagKeys": tuple(tags)} if tags else {}
    return values


def _requested_tags(call: ApiCall) -> dict[str, str]:
    """Return the object tags that a call sets, in the header of an upload or in the body of PutObjectTagging."""
    tagging = call.params.get("Tagging")
    if isinstance(tagging, str):
        return {name: values[-1] for name, values in parse_qs(tagging, keep_blank_values=True).items()}
    return tag_mapping(tagging.get("TagSet")) if isinstance(tagging, Mapping) and "Object" in call.name else {}
