"""Enforced operations of Amazon S3. Access control lists grant nothing, as in buckets with the owner enforced."""

from __future__ import annotations

from lab.cloud.services import s3_resources
from lab.cloud.services.rules import PolicyInput, Service, names

_BUCKET_OPERATIONS = names(
    "CreateBucket DeleteBucket DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketOwnershipControls "
    "DeleteBucketPolicy DeleteBucketTagging DeletePublicAccessBlock GetBucketAcl GetBucketEncryption "
    "GetBucketLifecycleConfiguration GetBucketLocation GetBucketOwnershipControls GetBucketPolicy "
    "GetBucketPolicyStatus GetBucketTagging GetBucketVersioning GetPublicAccessBlock HeadBucket "
    "ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 PutBucketAcl PutBucketEncryption "
    "PutBucketLifecycleConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketTagging "
    "PutBucketVersioning PutPublicAccessBlock"
)
_OBJECT_OPERATIONS = names(
    "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject DeleteObjectTagging "
    "DeleteObjects GetObject GetObjectAcl GetObjectAttributes GetObjectTagging HeadObject ListParts PutObject "
    "PutObjectAcl PutObjectTagging UploadPart UploadPartCopy"
)


S3 = Service(
    name="s3",
    prefix="s3",
    signing_name="s3",
    backend="s3",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html",
    operations=_BUCKET_OPERATIONS | _OBJECT_OPERATIONS | {"ListBuckets"},
    actions=s3_resources.ACTIONS,
    requirements={
        **dict.fromkeys(_BUCKET_OPERATIONS, s3_resources.bucket_requirements),
        **dict.fromkeys(_OBJECT_OPERATIONS, s3_resources.object_requirements),
        "DeleteObjects": lambda call: [requirement for _, requirement in s3_resources.deleted_objects(call)],
    },
    tag_members=(),
    condition_members={
        "s3:prefix": "Prefix",
        "s3:delimiter": "Delimiter",
        "s3:max-keys": "MaxKeys",
        "s3:LocationConstraint": "CreateBucketConfiguration.LocationConstraint",
        "s3:VersionId": "VersionId",
        "s3:if-match": "IfMatch",
        "s3:if-none-match": "IfNoneMatch",
        "s3:object-lock-mode": "ObjectLockMode",
        "s3:object-lock-legal-hold": "ObjectLockLegalHoldStatus",
        "s3:x-amz-acl": "ACL",
        "s3:x-amz-copy-source": "CopySource",
        "s3:x-amz-grant-full-control": "GrantFullControl",
        "s3:x-amz-grant-read": "GrantRead",
        "s3:x-amz-grant-read-acp": "GrantReadACP",
        "s3:x-amz-grant-write": "GrantWrite",
        "s3:x-amz-grant-write-acp": "GrantWriteACP",
        "s3:x-amz-metadata-directive": "MetadataDirective",
        "s3:x-amz-object-ownership": "ObjectOwnership",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
        "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
        "s3:x-amz-storage-class": "StorageClass",
        "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    },
    context=s3_resources.context,
    # A bucket's tags are no condition keys: S3 uses them only after PutBucketAbac, which the lab does not implement.
    find_policy=s3_resources.find_policy,
    policy_inputs={"PutBucketPolicy": PolicyInput("Policy", "MalformedPolicy")},
    find_owner=s3_resources.find_owner,
    # Of concurrent writes with If-None-Match one succeeds, as in S3's consistency model.
    one_at_a_time=names("CompleteMultipartUpload CopyObject DeleteObject PutObject"),
    complete=s3_resources.complete,
)
