"""IAM roles that pods get by EKS Pod Identity."""

from typing import Any, NotRequired

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.evaluation.trust_conditions import POD_IDENTITY, Assumed
from eks_identity.model import arns, partitions, trust
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import Inputs, is_plain
from eks_identity.workloads.iam_role import TRUST_POLICY, RolePlan
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import TagCheck
from eks_identity.workloads.subjects import SubjectArgs, check_subjects, pairs
from eks_identity.workloads.trust_inputs import by_association, check_trust_conditions, written


class PodIdentityRoleArgs(RoleSettings):
    """A role for Pod Identity. Associations say which pods get it; here is said which associations may give it."""

    cluster_arns: NotRequired[list[pulumi.Input[str]]]
    """Only associations of these clusters give the role: the trust policy compares `aws:RequestTag/eks-cluster-arn`.
    Any cluster of the account where left out."""
    subjects: NotRequired[list[SubjectArgs]]
    """Only associations of these service accounts give the role: the trust policy compares the session tags
    `kubernetes-namespace` and `kubernetes-service-account`. Any service account where left out."""
    partition: NotRequired[pulumi.Input[str]]
    """`aws` (also the default), `aws-cn` or `aws-us-gov`; where `cluster_arns` are given, those say it."""


class PodIdentityRole(pulumi.ComponentResource):
    """An IAM role for EKS Pod Identity, for associations that are made elsewhere: `WorkloadIdentity` with `role_arn`.

    It is in the account of the clusters. Where `cluster_arns` or `subjects` limit it, EKS cannot assume it for an
    association that disables session tags; one of the same Python program is rejected at preview.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """

    arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    def __init__(self, name: str, args: PodIdentityRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'PodIdentityRole "{name}"', args, PodIdentityRoleArgs) as inputs:
            clusters = args.get("cluster_arns", [])
            subjects = check_subjects(inputs, "subjects", args.get("subjects", []))
            for index, arn in enumerate(clusters):
                inputs.take(f"cluster_arns[{index}]", arn, arns.cluster_arn)
            given = {
                "clusters": clusters,
                "subjects": pairs(subjects),
                "conditions": check_trust_conditions(inputs, args, [POD_IDENTITY]),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            if is_plain(given) and not inputs.problems.found:
                inputs.problems.parse("", _trust, given)
            if clusters:
                partition = inputs.once_known(clusters[0], lambda arn: arns.Arn.parse(arn).partition)
            else:
                partition = inputs.take("partition", args.get("partition", "aws"), partitions.partition)
            sessions = TagCheck(inputs.subject, Session(role_tags=args.get("tags", {})))
            plan = RolePlan.of(inputs, name, args, partition, sessions=sessions)

        check = provider_account.in_account_of_clusters(inputs, opts, clusters) if clusters else None
        super().__init__("eks-identity:index:PodIdentityRole", name, {}, provider_account.after(opts, check))
        self.trust_policy = inputs.later(given, _trust)
        role = plan.make(self, name, self.trust_policy)
        self.arn = role.arn
        self.role_name = role.name
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


def _trust(known: dict[str, Any]) -> str:
    subjects = [Subject.of(namespace, name) for namespace, name in known["subjects"]]
    calls = [call for cluster in known["clusters"] for call in by_association(cluster, known["subjects"], POD_IDENTITY)]
    conditions = written(known["conditions"], calls or [Assumed(POD_IDENTITY)])
    policy = trust.pod_identity_trust(known["clusters"], subjects, conditions=conditions)
    return trust.compact(trust.require_room(policy, int(known["size_limit"]), f"{len(subjects)} subjects"))
