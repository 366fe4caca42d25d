"""PodIdentityRole: an IAM role for EKS Pod Identity, shared by several associations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Unpack, overload

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.evaluation.trust_conditions import POD_IDENTITY, AssumeRoleCall
from eks_identity.model import connections, partitions, trust
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import Inputs, parsed_by
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import SessionTagCheck
from eks_identity.workloads.subjects import SubjectArgs, read_subjects
from eks_identity.workloads.trust_policies import association_calls, build_conditions, read_trust_conditions


class PodIdentityRoleArgs(RoleSettings):
    """A role for Pod Identity, and the associations that may use it."""

    cluster_arns: NotRequired[list[pulumi.Input[str]]]
    """Clusters whose associations may use the role: the trust policy compares `aws:RequestTag/eks-cluster-arn`. By
    default any cluster of the account."""
    subjects: NotRequired[list[SubjectArgs]]
    """Service accounts whose associations may use the role: the trust policy compares the session tags
    `kubernetes-namespace` and `kubernetes-service-account`. By default any service account."""
    partition: NotRequired[pulumi.Input[str]]
    """`aws` (the default), `aws-cn` or `aws-us-gov`; with `cluster_arns`, the partition of those."""


@dataclass(frozen=True)
class _Options:
    """The inputs of a PodIdentityRole, except for the role's settings and the service accounts."""

    cluster_arns: Sequence[pulumi.Input[Arn]] = parsed_by(connections.arn, each=True, default=())
    partition: pulumi.Input[Partition] = parsed_by(partitions.partition, default=AWS)


class PodIdentityRole(pulumi.ComponentResource):
    """An IAM role for EKS Pod Identity. `WorkloadIdentity` with `role_arn` associates it with service accounts.

    The role is in the account of the clusters. With `cluster_arns` or `subjects`, EKS cannot assume it for an
    association that disables session tags; one of the same Python program is rejected at preview.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """

    arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    @overload
    def __init__(
        self, resource_name: str, args: PodIdentityRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[PodIdentityRoleArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: PodIdentityRoleArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'PodIdentityRole "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, PodIdentityRoleArgs) as inputs:
            options = inputs.read(_Options)
            clusters = options.cluster_arns
            subjects = read_subjects(inputs, "subjects", args.get("subjects", []))
            partition = inputs.parse("", clusters[0], _partition) if clusters else options.partition
            session_tags = SessionTagCheck(inputs.subject, Session(role_tags=args.get("tags", {})))
            role = IamRole.read(inputs, resource_name, args, partition, session_tags)
            trusted = {
                "clusters": clusters,
                "subjects": [each.subject for each in subjects],
                "conditions": read_trust_conditions(inputs, args, [POD_IDENTITY]),
                "size_limit": role.options.trust_policy_limit,
            }
            trust_policy = inputs.parse("", trusted, lambda resolved: _trust_policy(**resolved))

        check = provider_account.check_account_of_clusters(inputs, opts, clusters) if clusters else None
        super().__init__(
            "eks-identity:index:PodIdentityRole", resource_name, {}, provider_account.depend_on_checks(opts, check)
        )
        registered = role.register(self, resource_name, trust_policy)
        self.arn = registered.arn
        self.role_name = registered.name
        self.trust_policy = pulumi.Output.from_input(trust_policy)
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


def _partition(cluster: Arn) -> Partition:
    return cluster.partition


def _trust_policy(
    *, clusters: Sequence[Arn], subjects: Sequence[Subject], conditions: Sequence[ConditionArgs], size_limit: int
) -> str:
    calls = [call for cluster in clusters for call in association_calls(cluster, subjects, POD_IDENTITY)]
    written = build_conditions(conditions, calls or [AssumeRoleCall(POD_IDENTITY)])
    policy = trust.pod_identity_trust([str(cluster) for cluster in clusters], subjects, conditions=written)
    contents = f"{len(clusters)} clusters, {len(subjects)} subjects"
    divided = "cluster_arns" if len(clusters) >= len(subjects) else "subjects"
    number = max(len(clusters), len(subjects))
    trust.require_size(policy, size_limit, contents, lambda: trust.size_fix(divided, number, written), under=divided)
    return trust.compact(policy)
