"""IAM roles that other roles take on in turn: the way of a pod into another account."""

from typing import Any, NotRequired

import pulumi

from eks_identity.evaluation.trust_conditions import ROLE, TARGET, Assumed
from eks_identity.model import arns, names, partitions, trust
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import Inputs, is_plain
from eks_identity.workloads.iam_role import TRUST_POLICY, RolePlan
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import TagCheck
from eks_identity.workloads.subjects import SubjectArgs, check_subjects, pairs
from eks_identity.workloads.trust_inputs import check_trust_conditions, written


class ChainedRoleArgs(RoleSettings):
    """A role for other roles, and which ones."""

    trusted_role_arns: list[pulumi.Input[str]]
    """The roles that may take this one on, which must exist (IAM). They need `assume_role_arns`, too."""
    external_id: NotRequired[pulumi.Input[str]]
    """What callers must give as `sts:ExternalId`, 2 to 1,224 characters."""
    cluster_arns: NotRequired[list[pulumi.Input[str]]]
    """With `subjects`: the clusters whose Pod Identity associations may use this role as `target_role_arn`."""
    subjects: NotRequired[list[SubjectArgs]]
    """With `cluster_arns`: the service accounts of those associations. EKS gives an `sts:ExternalId` that names cluster
    and service account; the trust policy then asks for one of these."""


class ChainedRole(pulumi.ComponentResource):
    """An IAM role, mostly of another account, that the roles of pods take on in turn.

    Made by the aws provider of `opts.providers`, which says the account. Pods of IRSA and Pod Identity take it on by an
    AWS profile of theirs (`role_arn` and `credential_source`), and need the right to: `assume_role_arns` of their role.
    EKS itself takes it on for associations that name it as `target_role_arn`. Sessions last one hour at most (STS).

    Source: EKS user guide, "Access AWS resources using EKS Pod Identity target IAM roles"; IAM user guide, "Roles terms
    and concepts: role chaining".
    """

    arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    def __init__(self, name: str, args: ChainedRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'ChainedRole "{name}"', args, ChainedRoleArgs) as inputs:
            clusters = args.get("cluster_arns", [])
            for index, arn in enumerate(args["trusted_role_arns"]):
                inputs.take(f"trusted_role_arns[{index}]", arn, arns.role_arn)
            for index, arn in enumerate(clusters):
                inputs.take(f"cluster_arns[{index}]", arn, arns.cluster_arn)
            subjects = check_subjects(inputs, "subjects", args.get("subjects", []))
            if "external_id" in args:
                inputs.take("external_id", args["external_id"], names.external_id)
                if clusters or subjects:
                    rule = "EKS gives an external id of its own for the associations of clusters and subjects"
                    inputs.problems.add("external_id", rule, args["external_id"], "take it, or those, out")
            for field, present, other in (("subjects", subjects, clusters), ("cluster_arns", clusters, subjects)):
                if other and not present:
                    rule = "an association is of a cluster and of a service account"
                    inputs.problems.add(field, rule, [], f"give {field} too")
            given = {
                "roles": args["trusted_role_arns"],
                "external_id": args.get("external_id"),
                "clusters": clusters,
                "subjects": pairs(subjects),
                "conditions": check_trust_conditions(inputs, args, [TARGET if clusters else ROLE]),
                "size_limit": TRUST_POLICY[args.get("raised_quotas", False)],
            }
            if is_plain(given) and not inputs.problems.found:
                inputs.problems.parse("", _trust, given)
            first = args["trusted_role_arns"][:1]
            partition = inputs.later(
                first, lambda known: arns.Arn.parse(known[0]).partition if known else partitions.AWS
            )
            # Session tags of EKS are transitive: the sessions of this role have those of its callers.
            sessions = TagCheck(inputs.subject, Session(role_tags=None))
            plan = RolePlan.of(inputs, name, args, partition, sessions=sessions)

        super().__init__("eks-identity:index:ChainedRole", name, {}, opts)
        self.trust_policy = inputs.later(given, _trust)
        role = plan.make(self, name, self.trust_policy)
        self.arn = role.arn
        self.role_name = role.name
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


def _trust(known: dict[str, Any]) -> str:
    subjects = [Subject.of(namespace, name) for namespace, name in known["subjects"]]
    ids = [trust.external_id(cluster, subject) for cluster in known["clusters"] for subject in subjects]
    if known["external_id"] is not None:
        ids = [known["external_id"]]
    call = TARGET if known["clusters"] else ROLE
    calls = [
        Assumed(call, role, {"aws:PrincipalArn": role, "aws:PrincipalAccount": arns.Arn.parse(role).account})
        for role in map(arns.role_arn, known["roles"])
    ]
    conditions = written(known["conditions"], calls or [Assumed(call)])
    size_limit = int(known["size_limit"])
    return trust.compact(trust.chained_trust(known["roles"], ids, size_limit=size_limit, conditions=conditions))
