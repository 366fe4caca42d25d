"""ChainedRole: an IAM role that the roles of pods assume in turn, mostly in another account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Unpack, overload

import pulumi

from eks_identity.errors import Problem
from eks_identity.evaluation.trust_conditions import ROLE, TARGET, AssumeRoleCall
from eks_identity.model import arns, connections, names, trust
from eks_identity.model.arns import Arn, Principal
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import Inputs, parsed_by
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import SessionTagCheck
from eks_identity.workloads.subjects import SubjectArgs, read_subjects
from eks_identity.workloads.trust_policies import build_conditions, read_trust_conditions


class ChainedRoleArgs(RoleSettings):
    """A role that other roles assume."""

    trusted_role_arns: list[pulumi.Input[str]]
    """Roles that may assume this one, which must exist (IAM). They need `assume_role_arns`, too."""
    external_id: NotRequired[pulumi.Input[str]]
    """The `sts:ExternalId` that callers must send, 2 to 1,224 characters."""
    cluster_arns: NotRequired[list[pulumi.Input[str]]]
    """With `subjects`: clusters whose Pod Identity associations may use this role as `target_role_arn`."""
    subjects: NotRequired[list[SubjectArgs]]
    """With `cluster_arns`: service accounts of those associations. EKS sends an `sts:ExternalId` that names cluster and
    service account; the trust policy then requires one of these."""


@dataclass(frozen=True)
class _Options:
    """The inputs of a ChainedRole, except for the role's settings and the service accounts."""

    trusted_role_arns: Sequence[pulumi.Input[Principal]] = parsed_by(arns.role, each=True)
    external_id: pulumi.Input[str] | None = parsed_by(names.external_id)
    cluster_arns: Sequence[pulumi.Input[Arn]] = parsed_by(connections.arn, each=True, default=())


class ChainedRole(pulumi.ComponentResource):
    """An IAM role, mostly of another account, that the roles of pods assume in turn.

    Created by the aws provider in `opts.providers`, and in its account. Pods of IRSA and Pod Identity assume the role
    by an AWS profile (`role_arn` and `credential_source`), and need the permission: `assume_role_arns` of their role.
    EKS assumes it for associations that name it as `target_role_arn`. Sessions last one hour at most (STS).

    Source: EKS user guide, "Access AWS resources using EKS Pod Identity target IAM roles"; IAM user guide, "Roles terms
    and concepts: role chaining".
    """

    arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    @overload
    def __init__(
        self, resource_name: str, args: ChainedRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[ChainedRoleArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: ChainedRoleArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'ChainedRole "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, ChainedRoleArgs) as inputs:
            options = inputs.read(_Options)
            subjects = read_subjects(inputs, "subjects", args.get("subjects", []))
            inputs.reject(*_combination_problems(args))
            partition = inputs.parse("", options.trusted_role_arns[:1], _partition)
            # Session tags of EKS are transitive: the sessions of this role have those of its callers.
            session_tags = SessionTagCheck(inputs.subject, Session(role_tags=None))
            role = IamRole.read(inputs, resource_name, args, partition, session_tags)
            trusted = {
                "roles": options.trusted_role_arns,
                "external_id": options.external_id,
                "clusters": options.cluster_arns,
                "subjects": [each.subject for each in subjects],
                "conditions": read_trust_conditions(inputs, args, [TARGET if options.cluster_arns else ROLE]),
                "size_limit": role.options.trust_policy_limit,
            }
            trust_policy = inputs.parse("", trusted, lambda resolved: _trust_policy(**resolved))

        super().__init__("eks-identity:index:ChainedRole", resource_name, {}, opts)
        registered = role.register(self, resource_name, trust_policy)
        self.arn = registered.arn
        self.role_name = registered.name
        self.trust_policy = pulumi.Output.from_input(trust_policy)
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


def _combination_problems(args: ChainedRoleArgs) -> list[Problem]:
    """Return the problems of inputs that are valid one by one."""
    clusters, subjects = args.get("cluster_arns", []), args.get("subjects", [])
    problems = []
    if "external_id" in args and (clusters or subjects):
        rule = "must be omitted with cluster_arns and subjects: EKS sends an external id of its own for associations"
        problems.append(
            Problem("external_id", rule, args["external_id"], "remove it, or remove cluster_arns and subjects")
        )
    for field, is_set, is_other_set in (("subjects", subjects, clusters), ("cluster_arns", clusters, subjects)):
        if is_other_set and not is_set:
            rule = "must be set together: an association has a cluster and a service account"
            problems.append(Problem(field, rule, [], f"set {field} too"))
    return problems


def _partition(roles: Sequence[Principal]) -> Partition:
    return roles[0].partition if roles else AWS


def _trust_policy(
    *,
    roles: Sequence[Principal],
    external_id: str | None,
    clusters: Sequence[Arn],
    subjects: Sequence[Subject],
    conditions: Sequence[ConditionArgs],
    size_limit: int,
) -> str:
    external_ids = [trust.external_id(cluster, subject) for cluster in clusters for subject in subjects]
    if external_id is not None:
        external_ids = [external_id]
    call = TARGET if clusters else ROLE
    calls = [
        AssumeRoleCall(call, role.arn, {"aws:PrincipalArn": role.arn, "aws:PrincipalAccount": role.account})
        for role in roles
    ]
    written = build_conditions(conditions, calls or [AssumeRoleCall(call)])
    return trust.compact(trust.chained_trust(roles, external_ids, size_limit=size_limit, conditions=written))
