"""Which IAM actions an S3 request needs.

S3 tells operations apart by the method and by subresources in the query. moto picks one of several subresources by an
order of its own, so a request that names several needs the action of each.
"""

from __future__ import annotations

from collections.abc import Collection

_BUCKET = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_BUCKET_GET = {
    "location": "GetBucketLocation",
    "policyStatus": "GetBucketPolicyStatus",
    "uploads": "ListBucketMultipartUploads",
    "versions": "ListBucketVersions",
}
_DELETED_BY_NAME = {"policy": "DeleteBucketPolicy", "website": "DeleteBucketWebsite"}
_BUCKET_DEFAULT = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}

_OBJECT = {
    ("GET", "acl"): "GetObjectAcl",
    ("GET", "attributes"): "GetObjectAttributes",
    ("GET", "legal-hold"): "GetObjectLegalHold",
    ("GET", "retention"): "GetObjectRetention",
    ("GET", "tagging"): "GetObjectTagging",
    ("GET", "uploadId"): "ListMultipartUploadParts",
    ("GET", "versionId"): "GetObjectVersion",
    ("HEAD", "versionId"): "GetObjectVersion",
    ("PUT", "acl"): "PutObjectAcl",
    ("PUT", "legal-hold"): "PutObjectLegalHold",
    ("PUT", "retention"): "PutObjectRetention",
    ("PUT", "tagging"): "PutObjectTagging",
    ("POST", "restore"): "RestoreObject",
    ("POST", "select"): "GetObject",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("DELETE", "versionId"): "DeleteObjectVersion",
}
_OBJECT_DEFAULT = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}


def bucket_actions(method: str, query: Collection[str]) -> list[str]:
    """The actions for a request to a bucket."""
    actions = []
    for name in query:
        if method == "GET" and name in _BUCKET_GET:
            actions.append(_BUCKET_GET[name])
        elif name in _BUCKET and method in {"GET", "PUT", "DELETE"}:
            deleted = _DELETED_BY_NAME.get(name) if method == "DELETE" else None
            actions.append(deleted or f"{'Get' if method == 'GET' else 'Put'}{_BUCKET[name]}")
    return [f"s3:{action}" for action in actions or [_BUCKET_DEFAULT.get(method, "PutObject")]]


def object_actions(method: str, query: Collection[str]) -> list[str]:
    """The actions for a request to an object."""
    actions = [_OBJECT[method, name] for name in query if (method, name) in _OBJECT]
    return [f"s3:{action}" for action in actions or [_OBJECT_DEFAULT.get(method, "GetObject")]]
