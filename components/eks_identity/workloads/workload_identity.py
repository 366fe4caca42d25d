"""WorkloadIdentity: an IAM role, service accounts, and the annotation or association that gives pods the role.

`IrsaRole`, `PodIdentityRole` and `ChainedRole` are roles that several declarations share; `ServiceAccount` is a service
account for an existing role.
"""

from typing import Any, NotRequired, Unpack, overload

import pulumi

from eks_identity.clusters import kubernetes_providers, provider_account
from eks_identity.clusters.connections import ClusterInput, connection_of, parse_connection
from eks_identity.clusters.provider_account import Check
from eks_identity.model.issuers import Provider
from eks_identity.runtime import query_cache
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.credentials import find_provider
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, require_provider
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.identity_modes import (
    POD_IDENTITY,
    IdentityModeInput,
    ServiceAccountManagementInput,
    declare_once,
    parse_provider,
    require_own_account,
    role_arn_of,
)
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.service_account import ServiceAccountOptions, ServiceAccountSettings
from eks_identity.workloads.service_account_preflight import ServiceAccountPreflight
from eks_identity.workloads.subjects import SubjectArgs, SubjectInput, read_subjects, reject_repeated
from eks_identity.workloads.trust_policies import read_trust_conditions
from eks_identity.workloads.workload_binding import WorkloadBinding
from eks_identity.workloads.workload_options import WorkloadOptions
from eks_identity.workloads.workload_trust_policy import WorkloadTrust


class WorkloadIdentityArgs(RoleSettings, ServiceAccountSettings):
    """Service accounts, and the IAM role of their pods."""

    cluster: ClusterInput
    """`Cluster.connection`."""
    namespace: pulumi.Input[str]
    """Namespace of the service account: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    service_account: pulumi.Input[str]
    """Name of the service account: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""
    more_service_accounts: NotRequired[list[SubjectArgs]]
    """More service accounts of the same cluster, whose pods get the same role by the same mode."""
    mode: NotRequired[IdentityModeInput]
    """`irsa` (the default) or `pod-identity`, which needs the `eks-pod-identity-agent` add-on, and no Fargate."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """`OidcProvider.arn`. Required with `irsa`, where the role is also created after the provider. With `pod-identity`
    the role's trust policy keeps the statement for IRSA as long as it is set, so that a change of `mode` leaves no pod
    without credentials. A provider of another account creates the role there (`irsa` only)."""
    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of an existing IAM role. No role is created; role options must be omitted."""
    target_role_arn: NotRequired[pulumi.Input[str]]
    """Role, mostly of another account, that EKS assumes after the role, and whose credentials the pods get; with
    `pod-identity`. It must trust the role: see `ChainedRole`. Removed from the program, it stays in EKS, because the
    provider does not remove it; run `aws eks update-pod-identity-association --target-role-arn ""`."""
    disable_session_tags: NotRequired[bool]
    """With `pod-identity`: EKS sets no session tags for cluster, namespace, service account and pod. Policies and trust
    conditions that need them are rejected."""
    match_session_tags: NotRequired[bool]
    """With `pod-identity`: the trust policy requires the session tags of this cluster and these service accounts, so
    that no other association can use the role."""
    keep_pod_identity: NotRequired[bool]
    """With `irsa`, for the update that changes `mode` from `pod-identity`: the role's trust policy keeps a statement
    for Pod Identity, limited to these service accounts, so that pods that start meanwhile get credentials by one mode
    or the other. Required for that one update; remove it in the next one."""
    session_policy: NotRequired[pulumi.Input[str]]
    """With `pod-identity` and `disable_session_tags`: a policy document in JSON that limits the pods' sessions, which
    are allowed what both role and document allow. Removed from the program, it stays in EKS, because the provider does
    not remove it: set one that allows every action on every resource instead."""
    service_account_management: NotRequired[ServiceAccountManagementInput]
    """`create` (the default): the service accounts are created; existing ones are rejected at preview. `adopt`:
    existing service accounts are annotated only. `none`: no service account is created or changed."""


class WorkloadIdentity(pulumi.ComponentResource):
    """A role for the pods of service accounts: pods of these service accounts get it, and no others.

    Registers itself, the role, one attachment for each policy, one inline policy for each document, each service
    account, and with `pod-identity` an association for each: four resources at least, five with `pod-identity`.
    Requires the cluster's kubernetes provider in `opts.providers` unless `service_account_management` is `none`. The
    role is in the cluster's account; with IRSA it is in the account of `oidc_provider_arn`, by the aws provider in
    `opts.providers`.

    Rejected at preview: a second identity of a service account by the same mode, and an existing service account or
    association. Reported: an identity by the other mode, because EKS uses Pod Identity, and an endpoint that does not
    respond. Cluster and EKS are queried once for each namespace, before the engine creates or annotates a service
    account or creates an association.

    A change of `mode` leaves no pod without credentials: the role trusts both modes first, then the new mode is set up,
    then the old one is removed. Running pods keep their credentials until they are recreated: those of IRSA as long as
    `oidc_provider_arn` is set, those of Pod Identity until their session ends, six hours at most; a pod that has no
    session yet when the association is deleted gets none. A change back to `irsa` without `keep_pod_identity` is
    rejected as long as EKS has the association.
    """

    role_arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    namespace: pulumi.Output[str]
    """The service account's namespace."""
    service_account: pulumi.Output[str]
    """The service account's name, after it is created and has the role."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON; empty with `role_arn`."""

    @overload
    def __init__(
        self, resource_name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[WorkloadIdentityArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: WorkloadIdentityArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'WorkloadIdentity "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, WorkloadIdentityArgs) as inputs:
            options = inputs.read(WorkloadOptions)
            accounts = inputs.read(ServiceAccountOptions)
            connection = parse_connection(inputs, connection_of(args["cluster"]))
            provider = parse_provider(inputs, args["oidc_provider_arn"]) if "oidc_provider_arn" in args else None
            subjects = _read_subjects(inputs, args, options)
            inputs.reject(*options.combination_problems(args))
            trust = WorkloadTrust(options, connection, provider, subjects, "session_policy" in args)
            role = None
            trust_policy: pulumi.Input[str] = ""
            if options.role_arn is None:
                role = _read_role(inputs, resource_name, args, trust)
                trust_policy = trust.parse_policy(
                    inputs,
                    read_trust_conditions(inputs, args, trust.calls),
                    accounts.audience,
                    role.options.trust_policy_limit,
                    has_aws_provider=find_provider("aws", opts) is not None,
                )
            elif options.mode is POD_IDENTITY:
                require_own_account(inputs, options.role_arn, connection)
            declare_once(inputs, options.mode, connection, subjects)
            binding = WorkloadBinding(
                inputs=inputs,
                options=options,
                accounts=accounts,
                connection=connection,
                provider=provider,
                subjects=subjects,
                target_role_arn=role_arn_of(inputs, options.target_role_arn),
                session_policy=trust.parse_session_policy(inputs, args["session_policy"], args.get("tags", {}))
                if "session_policy" in args
                else None,
                tags=inputs.text_values("tags", args["tags"]) if "tags" in args else None,
            )

        checks = _provider_checks(inputs, opts, args, options, provider)
        super().__init__(
            "eks-identity:index:WorkloadIdentity", resource_name, {}, provider_account.depend_on_checks(opts, *checks)
        )
        if options.manages_service_accounts:
            require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        preflight = ServiceAccountPreflight(
            self, inputs.subject, connection_of(args["cluster"]), query_cache.program_query_cache()
        )
        trust.check_existing_roles(inputs)
        if role is not None:
            hooks = None
            if not trust.trusts_pod_identity:
                hooks = preflight.before_role_update(resource_name, [each.subject for each in subjects])
            registered = role.register(self, resource_name, trust_policy, hooks=hooks)
            self.role_arn = registered.arn
            self.role_name = registered.name
        else:
            assert options.role_arn is not None
            self.role_arn = pulumi.Output.from_input(role_arn_of(inputs, options.role_arn))
            self.role_name = self.role_arn.apply(lambda arn: arn.rpartition("/")[2])
        first_account = binding.register(resource_name, self.role_arn, preflight)
        self.namespace = pulumi.Output.from_input(options.namespace)
        if first_account is None:
            first_account = pulumi.Output.from_input(options.service_account)
        self.service_account = first_account
        self.trust_policy = pulumi.Output.from_input(trust_policy)
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "role_name": self.role_name,
                "namespace": options.namespace,
                "service_account": self.service_account,
                "trust_policy": trust_policy,
            }
        )


def _read_subjects(inputs: Inputs, args: WorkloadIdentityArgs, options: WorkloadOptions) -> list[SubjectInput]:
    """Parse the service accounts; problems are added to `inputs`."""
    first = SubjectInput.of(inputs, "service_account", options.namespace, options.service_account)
    more = read_subjects(inputs, "more_service_accounts", args.get("more_service_accounts", []))
    return reject_repeated(inputs, [first, *more])


def _read_role(inputs: Inputs, name: str, args: WorkloadIdentityArgs, trust: WorkloadTrust) -> IamRole:
    """Parse the role; problems are added to `inputs`."""
    target_role = trust.options.target_role_arn
    return IamRole.read(
        inputs,
        name,
        args,
        trust.connection.partition,
        trust.session_tag_check(inputs, args.get("tags", {})),
        assume_roles=[] if target_role is None else [target_role],
    )


def _provider_checks(
    inputs: Inputs,
    opts: pulumi.ResourceOptions | None,
    args: WorkloadIdentityArgs,
    options: WorkloadOptions,
    provider: pulumi.Input[Provider] | None,
) -> list[Check | None]:
    """Return the checks of the providers. The role of IRSA may be in another account, with its OIDC provider."""
    checks: list[Check | None] = []
    if options.mode is POD_IDENTITY:
        checks.append(provider_account.check_account_of_cluster(inputs, opts, connection_of(args["cluster"])))
    elif options.role_arn is None and provider is not None:
        checks.append(provider_account.check_account_of_oidc_provider(inputs, opts, provider, "oidc_provider_arn"))
    if options.manages_service_accounts:
        checks.append(kubernetes_providers.check_provider_of_cluster(inputs, opts, connection_of(args["cluster"])))
    return checks
