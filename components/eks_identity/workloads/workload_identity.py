"""Pods out to AWS: the role, the service account, and whichever of the two binds them, in one declaration.

Its halves are components too: `IrsaRole`, `PodIdentityRole` and `ChainedRole` for roles that many declarations share,
`ServiceAccount` for a service account whose role is made elsewhere.
"""

from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from eks_identity.clusters import connections, kubernetes_providers, provider_account
from eks_identity.model import arns, names, permissions
from eks_identity.model.issuers import Provider
from eks_identity.model.subjects import Subject
from eks_identity.runtime import query_cache
from eks_identity.runtime.children import Children, Registered
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, is_plain, require_provider
from eks_identity.runtime.outputs import memoize_on_output
from eks_identity.workloads import service_account, workload_rules, workload_trust
from eks_identity.workloads.associations import Associations, import_alias
from eks_identity.workloads.existing_service_accounts import ExistingServiceAccounts
from eks_identity.workloads.iam_role import TRUST_POLICY, RolePlan
from eks_identity.workloads.pod_identity_removal import PodIdentityRemoval
from eks_identity.workloads.subjects import SubjectArgs, check_subjects, pairs
from eks_identity.workloads.workload_args import WorkloadIdentityArgs
from eks_identity.workloads.workload_rules import ADOPT, CREATE, IRSA, NONE, POD_IDENTITY


class WorkloadIdentity(pulumi.ComponentResource):
    """A role, service accounts, and what binds the two: pods of those service accounts have that role, and no others.

    Registers itself, the role, one attachment for each policy, one inline policy for each document, each service
    account, and with `pod-identity` an association for each: four resources for a plain one, five with `pod-identity`.
    Needs the cluster's kubernetes provider in `opts.providers` unless it leaves service accounts alone. The role is in
    the cluster's account; with IRSA it is in the account that `oidc_provider_arn` is of, by the aws provider in
    `opts.providers`. A second identity of a service account is refused; one by the other mode is reported, since Pod
    Identity wins. So are those that others made: where the engine is about to make or annotate a service account, or to
    make an association, its preview asks the cluster and EKS, once for a namespace, and reports who does not answer.

    A change of `mode` leaves no pod without credentials: the role trusts both ways first, then the new way is wired,
    then the old one goes. Pods that run keep theirs until they are made again: of IRSA as long as `oidc_provider_arn`
    is given; of Pod Identity until their session ends, six hours at most, and one that has not asked for its first
    session when the association goes has none. A change back to `irsa` without `keep_pod_identity` is refused as long
    as EKS has the association.
    """

    role_arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    namespace: pulumi.Output[str]
    """The service account's namespace."""
    service_account: pulumi.Output[str]
    """The service account's name, once it is there and bound."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON; empty where the role is made elsewhere."""

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'WorkloadIdentity "{name}"', args, WorkloadIdentityArgs) as inputs:
            cluster = args["cluster"]
            mode = inputs.one_of(args.get("mode", IRSA), "mode", workload_rules.mode)
            managed = inputs.one_of(
                args.get("service_account_management", CREATE), "service_account_management", workload_rules.management
            )
            namespace = inputs.take("namespace", args["namespace"], names.namespace)
            account = inputs.take("service_account", args["service_account"], names.service_account)
            more = check_subjects(inputs, "more_service_accounts", args.get("more_service_accounts", []))
            subjects = [SubjectArgs(namespace=namespace, name=account), *more]
            if is_plain(pairs(subjects)) and not inputs.problems.found:
                inputs.require(*workload_rules.repeated(pairs(subjects)))
            partition = connections.parse_connection(inputs, cluster).partition
            annotations = service_account.annotations_of(inputs, args, None, webhook=False)
            for field, check in _CHECKS.items():
                if field in args:
                    inputs.take(field, args[field], check)  # type: ignore[literal-required]
            inputs.require(*workload_rules.contradictions(mode, managed, args))
            sessions = workload_trust.sessions(inputs, mode, args)
            plan = None
            if "role_arn" not in args:
                take_on = [args["target_role_arn"]] if "target_role_arn" in args else []
                plan = RolePlan.of(inputs, name, args, partition, sessions=sessions, take_on=take_on)

        assert mode is not None
        checks = _provider_checks(inputs, opts, args, mode, creates_account=managed != NONE)
        super().__init__("eks-identity:index:WorkloadIdentity", name, {}, provider_account.after(opts, *checks))
        declared_once = partial(workload_rules.declared_once, inputs.subject, mode)
        inputs.once_known([cluster["arn"], pairs(subjects)], declared_once)
        if managed != NONE:
            require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        if plan is None:
            self.role_arn = inputs.later(args["role_arn"], arns.role_arn, "role_arn")
            self.role_name = self.role_arn.apply(lambda arn: arn.rpartition("/")[2])
            trust_policy: pulumi.Input[str] = ""
            self.trust_policy = pulumi.Output.from_input(trust_policy)
            if mode == POD_IDENTITY:
                inputs.later([self.role_arn, cluster["account_id"]], workload_rules.require_own_account)
        else:
            trust_policy = self._trust(inputs, mode, args, subjects)
            self.trust_policy = pulumi.Output.from_input(trust_policy)
            hooks = None
            if mode == IRSA and not args.get("keep_pod_identity", False):
                hooks = PodIdentityRemoval(inputs.subject, self, name, cluster, subjects).hooks()
            role = plan.make(self, name, trust_policy, hooks=hooks)
            self.role_arn = role.arn
            self.role_name = role.name
        workload_trust.check_roles_of_program(inputs, mode, args, pairs(subjects))
        bound = self._bind(inputs, name, args, subjects, annotations)
        self.namespace = pulumi.Output.from_input(namespace)
        self.service_account = bound if bound is not None else pulumi.Output.from_input(account)
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "role_name": self.role_name,
                "namespace": namespace,
                "service_account": self.service_account,
                "trust_policy": trust_policy,
            }
        )

    def _trust(
        self, inputs: Inputs, mode: str, args: WorkloadIdentityArgs, subjects: list[SubjectArgs]
    ) -> pulumi.Input[str]:
        cluster = args["cluster"]
        given: dict[str, Any] = {"size_limit": TRUST_POLICY[args.get("raised_quotas", False)]}
        by_irsa, by_pod_identity, tagged = workload_trust.ways(mode, args)
        if by_irsa:
            # From the cluster and not from the provider, so that a preview shows it before the provider is made; unless
            # an aws provider of its own says that the role may be in another account.
            vouching: pulumi.Input[Any] = args["oidc_provider_arn"]
            if isinstance(vouching, pulumi.Output) and self.get_provider("aws:index:Any") is None:
                vouching = memoize_on_output(vouching, "if known", _if_known)
            trusted = {field: cluster[field] for field in ("issuer", "partition", "account_id")}
            given |= {"cluster": trusted, "provider": vouching, "audience": args.get("audience")}
        if by_irsa or tagged:
            given["subjects"] = pairs(subjects)
        conditions = args.get("trust_conditions", [])
        if by_pod_identity and (tagged or conditions):
            given["cluster_arn"] = cluster["arn"]
        if conditions:
            given |= {"conditions": conditions, "subjects": pairs(subjects)}

        return inputs.once_known(given, partial(workload_trust.trust_policy, mode, args))

    def _bind(
        self,
        inputs: Inputs,
        name: str,
        args: WorkloadIdentityArgs,
        subjects: list[SubjectArgs],
        annotations: pulumi.Input[dict[str, str]],
    ) -> pulumi.Output[str] | None:
        """Registers associations and service accounts: the way that pods go is there before the other one goes.

        Returns the name of the first service account once it is there, or None where it is made elsewhere.
        """
        mode, managed = args.get("mode", IRSA), args.get("service_account_management", CREATE)
        if mode == IRSA:
            # Pods come after their service account, and so after the provider that vouches for their tokens. A role
            # that is made here comes after it by its trust policy.
            provider = args.get("oidc_provider_arn") if "role_arn" in args else None
            vouched = self.role_arn if is_plain(provider) else pulumi.Output.all(self.role_arn, provider)[0]
            annotations = service_account.annotations_of(inputs, args, vouched)
        said = mode == IRSA or "annotations" in args or "labels" in args
        associations = Associations(args["cluster"], self, inputs.subject, query_cache.of_program())
        accounts = ExistingServiceAccounts(self, inputs.subject, args["cluster"], associations)

        writes = managed == CREATE or (managed == ADOPT and said)
        children = Children(self, inputs.subject)

        def register(subject: SubjectArgs, under: str, label: str) -> Registered[pulumi.Output[str]]:
            label, after = f"{name}-{label}", list[pulumi.Resource]()
            if mode == POD_IDENTITY:
                is_new = associations.refuse_existing(label, under)
                after = [associated := self._associate(inputs, label, args, subject, is_new)]
                if not writes:
                    return Registered(after, associated.service_account)
            account = service_account.declare(
                self,
                label,
                subject["namespace"],
                subject["name"],
                annotations=annotations,
                settings=args,
                adopt=managed == ADOPT,
                # EKS asks for no service account: the association is there before pods can be.
                after=after,
                hooks=accounts.hooks(
                    label, under, adopt=managed == ADOPT, irsa_role=self.role_arn if mode == IRSA else None
                ),
            )
            return Registered([*after, *account.resources], account.result)

        count = (mode == POD_IDENTITY) + writes
        if not count:
            return None
        bound = [
            children.register(pair, _logical_name, partial(register, subject, under), under=under, count=count)
            for pair, subject, under in zip(pairs(subjects), subjects, _places(subjects), strict=True)
        ]
        return bound[0].result

    def _associate(
        self,
        inputs: Inputs,
        label: str,
        args: WorkloadIdentityArgs,
        subject: SubjectArgs,
        is_new: pulumi.ResourceHookBinding,
    ) -> "aws.eks.PodIdentityAssociation":
        policy: pulumi.Input[str] | None = None
        if "session_policy" in args:
            with_policy = workload_trust.sessions_with_policy(inputs.subject, args)
            policy = inputs.later(args["session_policy"], with_policy.inline_policy, "session_policy")
        return aws.eks.PodIdentityAssociation(
            label,
            region=args["cluster"]["region"],
            cluster_name=args["cluster"]["name"],
            namespace=subject["namespace"],
            service_account=subject["name"],
            role_arn=self.role_arn,
            target_role_arn=inputs.take("target_role_arn", args["target_role_arn"], arns.role_arn)
            if "target_role_arn" in args
            else None,
            disable_session_tags=args.get("disable_session_tags"),
            policy=policy,
            tags=inputs.texts("tags", args["tags"]) if "tags" in args else None,
            opts=pulumi.ResourceOptions(parent=self, hooks=is_new, aliases=[import_alias(label)]),
        )


def _provider_checks(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, args: WorkloadIdentityArgs, mode: str, *, creates_account: bool
) -> list[provider_account.Check | None]:
    """What providers must be: IRSA's role may be in another account than the cluster, with its OIDC provider."""
    cluster = args["cluster"]
    checks: list[provider_account.Check | None] = []
    if mode == POD_IDENTITY:
        checks.append(provider_account.in_account_of_cluster(inputs, opts, cluster))
    elif "role_arn" not in args:
        arn = args["oidc_provider_arn"]
        checks.append(provider_account.in_account_of_oidc_provider(inputs, opts, arn, "oidc_provider_arn"))
    if creates_account:
        checks.append(kubernetes_providers.of_cluster(inputs, opts, cluster))
    return checks


_CHECKS: dict[str, Any] = {
    "audience": names.audience,
    "oidc_provider_arn": Provider.parse,
    "role_arn": arns.role_arn,
    "target_role_arn": arns.role_arn,
    "session_policy": permissions.inline_policy,
}


def _if_known(late: pulumi.Output[Any]) -> pulumi.Output[str | None]:
    return late.apply(lambda value: value if isinstance(value, str) else None, run_with_unknowns=True)


def _places(subjects: list[SubjectArgs]) -> list[str]:
    """The input that each service account is; the first one is `service_account`."""
    return ["service_account", *(f"more_service_accounts[{index}]" for index in range(len(subjects) - 1))]


def _logical_name(pair: Any) -> str:
    return Subject.of(*pair).logical_name
