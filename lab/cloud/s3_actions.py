"""IAM actions that an S3 request requires.

An S3 operation is identified by the HTTP method and by a subresource in the query. If a query has several subresources,
moto selects one of them in an order of its own. The lab therefore requires the actions of all of them.
"""

from __future__ import annotations

from collections.abc import Collection

_BUCKET_SUBRESOURCES = {
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
_BUCKET_GET_SUBRESOURCES = {
    "location": "GetBucketLocation",
    "policyStatus": "GetBucketPolicyStatus",
    "uploads": "ListBucketMultipartUploads",
    "versions": "ListBucketVersions",
}
_BUCKET_DELETE_ACTIONS = {"policy": "DeleteBucketPolicy", "website": "DeleteBucketWebsite"}
_BUCKET_ACTIONS = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}

_OBJECT_SUBRESOURCES = {
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
_OBJECT_ACTIONS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "POST": "PutObject",
    "DELETE": "DeleteObject",
}


def bucket_actions(method: str, query: Collection[str]) -> list[str]:
    """Return the actions of a request to a bucket."""
    actions = []
    for name in query:
        if method == "GET" and name in _BUCKET_GET_SUBRESOURCES:
            actions.append(_BUCKET_GET_SUBRESOURCES[name])
        elif name in _BUCKET_SUBRESOURCES and method in {"GET", "PUT", "DELETE"}:
            delete_action = _BUCKET_DELETE_ACTIONS.get(name) if method == "DELETE" else None
            verb = "Get" if method == "GET" else "Put"
            actions.append(delete_action or f"{verb}{_BUCKET_SUBRESOURCES[name]}")
    return [f"s3:{action}" for action in actions or [_BUCKET_ACTIONS.get(method, "PutObject")]]


def object_actions(method: str, query: Collection[str]) -> list[str]:
    """Return the actions of a request to an object."""
    actions = [_OBJECT_SUBRESOURCES[method, name] for name in query if (method, name) in _OBJECT_SUBRESOURCES]
    return [f"s3:{action}" for action in actions or [_OBJECT_ACTIONS.get(method, "GetObject")]]
