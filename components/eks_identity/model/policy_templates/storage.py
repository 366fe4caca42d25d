"""Policy templates for volumes: the CSI drivers of EBS, EFS and FSx."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import BUCKETS, CLUSTERS, FILE_SYSTEMS, KEYS
from eks_identity.model.policy_templates.statements import (
    Condition,
    Statement,
    allow,
    like,
    none_of,
    only,
    present,
    requested,
    string_equals,
    tagged,
)
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_EBS_CREATED = "ebs.csi.aws.com/cluster"
_EBS_CLUSTER = "ebs.csi.aws.com/cluster-name"
_EBS_MIGRATED = "kubernetes.io/created-for/pvc/name"
"""Tag of volumes that Kubernetes created before it used the driver."""
_EFS_CREATED = "efs.csi.aws.com/cluster"
_FSX_CREATED = "CSIVolumeName"


def _ebs(scope: Scope) -> Iterator[Statement]:
    volumes, snapshots = scope.arn("ec2", "volume/*"), scope.arn("ec2", "snapshot/*")
    instances = scope.arn("ec2", "instance/*")
    tag, values = (_EBS_CLUSTER, scope.clusters) if scope.clusters else (_EBS_CREATED, ("true",))
    creates, owns = string_equals(requested(tag), *values), string_equals(tagged(tag), *values)
    yield allow(
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "ec2:DescribeVolumesModifications",
        "ec2:DescribeVolumeStatus",
    )
    yield allow("ec2:CreateVolume", "ec2:CopyVolumes").on(volumes).when(creates)
    yield allow("ec2:CreateSnapshot").on(snapshots).when(creates)
    manage = ("ec2:CopyVolumes", "ec2:ModifyVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume")
    yield allow(*manage, "ec2:CreateSnapshot").on(volumes).when(owns)
    if not scope.clusters:
        yield allow(*manage).on(volumes).when(like(tagged(_EBS_MIGRATED), "*"))
    yield (
        allow("ec2:CreateVolume", "ec2:EnableFastSnapshotRestores", "ec2:DeleteSnapshot", "ec2:LockSnapshot")
        .on(snapshots)
        .when(owns)
    )
    attach = allow("ec2:AttachVolume", "ec2:DetachVolume").on(instances)
    if scope.clusters:
        for key in ("eks:cluster-name", "eks:eks-cluster-name", _EBS_CLUSTER):
            yield attach.when(string_equals(tagged(key), *scope.clusters))
    else:
        yield attach
    on_creation = string_equals("ec2:CreateAction", "CreateVolume", "CreateSnapshot", "CopyVolumes")
    yield allow("ec2:CreateTags").on(volumes, snapshots).when(on_creation)
    own_tags = none_of("aws:TagKeys", _EBS_CREATED, _EBS_CLUSTER, _EBS_MIGRATED)
    yield allow("ec2:CreateTags", "ec2:DeleteTags").on(volumes).when(owns, present("aws:TagKeys"), own_tags)
    yield from keys_of_volumes(scope)


def keys_of_volumes(scope: Scope) -> Iterator[Statement]:
    """Yield the statements for keys of encrypted volumes. To create or attach a volume, EC2 uses its key by a grant."""
    if not scope.keys:
        return
    for_aws = Condition("Bool", "kms:GrantIsForAWSResource", ("true",))
    yield allow("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant").on(*scope.keys).when(for_aws)
    yield allow(
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:DescribeKey",
    ).on(*scope.keys)


def _efs(scope: Scope) -> Iterator[Statement]:
    systems, points = scope.all_of(FILE_SYSTEMS), scope.arn("elasticfilesystem", "access-point/*")
    creates = (present(requested(_EFS_CREATED)), only("aws:TagKeys", _EFS_CREATED))
    yield allow("ec2:DescribeAvailabilityZones")
    yield allow(
        "elasticfilesystem:DescribeAccessPoints",
        "elasticfilesystem:DescribeFileSystems",
        "elasticfilesystem:DescribeMountTargets",
    ).on(*systems, points)
    yield allow("elasticfilesystem:CreateAccessPoint").on(*systems).when(*creates)
    on_creation = string_equals("elasticfilesystem:CreateAction", "CreateAccessPoint")
    yield allow("elasticfilesystem:TagResource").on(*systems, points).when(*creates, on_creation)
    yield allow("elasticfilesystem:DeleteAccessPoint").on(points).when(present(tagged(_EFS_CREATED)))


def _fsx(scope: Scope) -> Iterator[Statement]:
    systems = scope.arn("fsx", "file-system/*")
    yield allow("fsx:DescribeFileSystems")
    yield allow("fsx:CreateFileSystem", "fsx:TagResource").on(systems).when(present(requested(_FSX_CREATED)))
    yield allow("fsx:UpdateFileSystem", "fsx:DeleteFileSystem").on(systems).when(present(tagged(_FSX_CREATED)))
    yield allow("iam:CreateServiceLinkedRole").when(like("iam:AWSServiceName", *scope.hosts("fsx")))
    buckets = scope.named(BUCKETS)
    if buckets:
        host = scope.hosts("s3.data-source.lustre.fsx")[0]
        yield allow("s3:ListBucket").on(*buckets)
        yield allow("iam:CreateServiceLinkedRole", "iam:AttachRolePolicy", "iam:PutRolePolicy").on(
            scope.arn("iam", f"role/aws-service-role/{host}/*", region="")
        )


EBS = PolicyTemplate(
    name="aws-ebs-csi-driver",
    namespace="kube-system",
    service_account="ebs-csi-controller-sa",
    permissions="create volumes and snapshots, and attach, change and delete those that it created; with "
    "`cluster_names`, only those of these clusters (tag `ebs.csi.aws.com/cluster-name`); with `kms_key_arns`, also "
    "volumes encrypted with these keys",
    source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEBSCSIDriverPolicyV2.html",
    statements=_ebs,
    optional=[CLUSTERS, KEYS],
    addon="aws-ebs-csi-driver",
)

EFS = PolicyTemplate(
    name="aws-efs-csi-driver",
    namespace="kube-system",
    service_account="efs-csi-controller-sa",
    permissions="describe the file systems, create access points on them, and delete those that it created",
    source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEFSCSIDriverPolicy.html",
    statements=_efs,
    one_of=[[FILE_SYSTEMS]],
    addon="aws-efs-csi-driver",
)

FSX = PolicyTemplate(
    name="aws-fsx-csi-driver",
    namespace="kube-system",
    service_account="fsx-csi-controller-sa",
    permissions="create file systems, and change and delete those that it created; with `bucket_arns`, also file "
    "systems linked to these buckets",
    source="https://github.com/kubernetes-sigs/aws-fsx-csi-driver/blob/master/docs/install.md",
    statements=_fsx,
    optional=[BUCKETS],
    addon="aws-fsx-csi-driver",
)
