"""Policy templates for objects in S3: the Mountpoint CSI driver, and Velero."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import BUCKETS, KEY_PREFIXES, KEYS
from eks_identity.model.policy_templates.statements import (
    Statement,
    allow,
    like,
    present,
    requested,
    string_equals,
    tagged,
)
from eks_identity.model.policy_templates.storage import keys_of_volumes
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_BACKUP = "velero.io/backup"


def _objects(scope: Scope, *actions: str) -> Iterator[Statement]:
    """Yield the statements for objects below the key prefixes of the buckets, and for their listing."""
    buckets, prefixes = scope.all_of(BUCKETS), scope.key_prefixes
    listing = allow("s3:ListBucket").on(*buckets)
    yield listing.when(like("s3:prefix", *(f"{prefix}*" for prefix in prefixes))) if prefixes else listing
    yield allow(*actions).on(*(f"{bucket}/{prefix}*" for bucket in buckets for prefix in prefixes or ("",)))


def _keys_of_objects(scope: Scope) -> Iterator[Statement]:
    if scope.keys:
        hosts = scope.hosts("s3.*")
        yield allow("kms:Decrypt", "kms:GenerateDataKey").on(*scope.keys).when(like("kms:ViaService", *hosts))


def _mountpoint(scope: Scope) -> Iterator[Statement]:
    yield from _objects(scope, "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject")
    yield from _keys_of_objects(scope)


def _velero(scope: Scope) -> Iterator[Statement]:
    yield from _objects(
        scope,
        "s3:GetObject",
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    )
    yield from _keys_of_objects(scope)
    volumes, snapshots = scope.arn("ec2", "volume/*"), scope.arn("ec2", "snapshot/*")
    yield allow("ec2:DescribeVolumes", "ec2:DescribeSnapshots")
    yield allow("ec2:CreateSnapshot", "ec2:CreateVolume").on(volumes)
    yield allow("ec2:CreateSnapshot").on(snapshots).when(present(requested(_BACKUP)))
    yield allow("ec2:CreateVolume", "ec2:DeleteSnapshot").on(snapshots).when(present(tagged(_BACKUP)))
    on_creation = string_equals("ec2:CreateAction", "CreateVolume", "CreateSnapshot")
    yield allow("ec2:CreateTags").on(volumes, snapshots).when(on_creation)
    yield from keys_of_volumes(scope)


MOUNTPOINT = PolicyTemplate(
    name="aws-mountpoint-s3-csi-driver",
    namespace="kube-system",
    service_account="s3-csi-driver-sa",
    permissions="list the buckets, and read, write and delete their objects; with `key_prefixes`, only objects below "
    "these prefixes; with `kms_key_arns`, also objects encrypted with these keys",
    source="https://github.com/awslabs/mountpoint-s3/blob/main/doc/CONFIGURATION.md#iam-permissions",
    statements=_mountpoint,
    one_of=[[BUCKETS]],
    optional=[KEY_PREFIXES, KEYS],
    addon="aws-mountpoint-s3-csi-driver",
)

VELERO = PolicyTemplate(
    name="velero",
    namespace="velero",
    service_account="velero",
    permissions="store backups in the buckets, create snapshots of any volume, and restore and delete the snapshots "
    "that it created (tag `velero.io/backup`); with `kms_key_arns`, also objects and volumes encrypted with these keys",
    source="https://github.com/vmware-tanzu/velero-plugin-for-aws#set-permissions-for-velero",
    statements=_velero,
    one_of=[[BUCKETS]],
    optional=[KEY_PREFIXES, KEYS],
)
