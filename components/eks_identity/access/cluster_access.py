"""ClusterAccess: RBAC roles bound to a group, EKS access policies, and the IAM principals that get them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Literal, NotRequired, TypedDict, Unpack, overload

import pulumi

from eks_identity.access.access_policies import AccessPolicyArgs, read_access_policies
from eks_identity.access.access_registrar import AccessRegistrar
from eks_identity.access.principals import (
    AccessContext,
    PrincipalArgs,
    look_up_permission_sets,
    read_principals,
)
from eks_identity.access.rbac_preflight import RbacPreflight
from eks_identity.access.rbac_roles import RoleArgs, bind_roles, read_roles
from eks_identity.clusters import kubernetes_providers, provider_account
from eks_identity.clusters.connections import ClusterConnection, ClusterInput, connection_of, parse_connection
from eks_identity.clusters.provider_account import Check
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, identities
from eks_identity.model import tags as tag_rules
from eks_identity.model.access_entries import AccessMethod, AuthenticationMode, EntryType
from eks_identity.model.connections import PARSERS
from eks_identity.model.expiry import EXPIRES_TAG, parse_expiry
from eks_identity.runtime import diagnostics, query_cache
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, INVALID, Inputs, parsed_by, require_provider

EntryTypeInput = (
    EntryType
    | Literal["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"]
)
EXPIRY_NOTICE = timedelta(days=14)
"""The preview warns this long before the last day of an access."""
AccessMethodInput = AccessMethod | Literal["access-entry", "aws-auth", "both"]


class ClusterAccessArgs(TypedDict):
    """Access of IAM principals to a cluster: who, and with which permissions."""

    cluster: ClusterInput
    """The `Cluster`; or the `Cluster.connection` of another stack."""
    principals: list[PrincipalArgs]
    """IAM principals that get access."""
    group: NotRequired[str]
    """Kubernetes group of the principals, which roles are bound to. It must not be one of Kubernetes' own groups.
    Required for `rbac_roles`."""
    rbac_roles: NotRequired[list[RoleArgs]]
    """RBAC roles that are bound to the group: created here, or existing ones."""
    access_policies: NotRequired[list[AccessPolicyArgs]]
    """EKS access policies of each principal, for access entries only. They add to the permissions of `rbac_roles`."""
    type: NotRequired[
        EntryType
        | Literal["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"]
    ]
    """Type of the access entries: `STANDARD` (the default), or a type for nodes, such as `EC2_LINUX`. Types for nodes
    accept IAM roles only, and no groups, usernames or policies. Through aws-auth, `EC2_LINUX`, `EC2_WINDOWS`,
    `FARGATE_LINUX` and `HYBRID_LINUX` map the role with the username and groups that nodes of that type need: for
    self-managed node groups and Karpenter, whose roles EKS does not map. Such an entry stays in aws-auth when its
    declaration is removed, unless `allow_lockout_of` names the role: nodes that use it could not authenticate any
    more."""
    access_method: NotRequired[AccessMethodInput]
    """`access-entry` (the default), `aws-auth`, or `both` during a migration: an access entry, and a mapping with the
    same username and groups. The cluster's authentication mode must read it."""
    adopt: NotRequired[bool]
    """Adopt existing access entries and aws-auth entries of these principals, for example the cluster creator's. Use a
    ClusterAccess of its own for it: one that has created its entries cannot adopt them."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose access even if they are the caller or the last administrator. When all of this
    access is removed, the value of the last update counts."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the access entries. Entries of aws-auth have none."""
    expires: NotRequired[str]
    """Last day of the access, `YYYY-MM-DD`, in UTC. Pulumi takes no access away on its own: the preview warns from 14
    days before, the policy pack fails after it, and `eks-access list` reports the entry. The access entries have it as
    tag `eks-identity/expires`. It must be omitted with `access_method` `aws-auth`: a mapping cannot hold a date."""


@dataclass(frozen=True)
class _Options:
    """The inputs that do not depend on another one."""

    access_method: AccessMethod = parsed_by(AccessMethod.parse, default=AccessMethod.ACCESS_ENTRY)
    type: EntryType = parsed_by(EntryType.parse, default=EntryType.STANDARD)
    group: str | None = parsed_by(identities.group_to_bind)
    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(arns.principal_arn, each=True, default=())
    adopt: bool = parsed_by(bool, default=False)
    expires: date | None = parsed_by(parse_expiry)


class ClusterAccess(pulumi.ComponentResource):
    """Access of IAM principals to a cluster in one declaration: access entries or aws-auth, roles, bindings, policies.

    Requires the cluster's kubernetes provider in `opts.providers` for `rbac_roles`. Group, bindings and mappings are
    created from the same values, so that they cannot disagree. Rejected at preview: what EKS or Kubernetes rejects or
    ignores, an access method that the cluster's authentication mode does not read, an existing access entry or
    mapping, and a principal of another partition or one that this program declares twice. Reported: an aws-auth mapping
    beside an access entry of the same principal, which EKS reads instead, and a bound role that does not exist.

    Rejected unless `allow_lockout_of` names the principal: a change after which the caller has fewer permissions in the
    cluster than before, or the cluster has no administrator. An administrator may do everything in the whole cluster:
    by the access policy AmazonEKSClusterAdminPolicy, by `system:masters` in aws-auth, or by a binding of any
    ClusterRole that allows it. Pulumi shows a deletion to no provider before it happens: a rejected `pulumi destroy`
    has kept this access whole, and may have deleted other resources of the stack. Let those depend on the access that
    the caller uses.
    """

    group: pulumi.Output[str]
    """The group; empty if there is none."""
    role_names: pulumi.Output[list[str]]
    """Names of the roles that are bound to the group."""
    binding_names: pulumi.Output[list[str]]
    """Name of each role's binding, in the same order."""
    principal_arns: pulumi.Output[list[str]]
    """ARN of each principal as the cluster matches it: through aws-auth alone without a role's path, else with it."""

    @overload
    def __init__(
        self, resource_name: str, args: ClusterAccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[ClusterAccessArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: ClusterAccessArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'ClusterAccess "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, ClusterAccessArgs) as inputs:
            options = inputs.read(_Options)
            cluster = connection_of(args["cluster"])
            context = _context(inputs, cluster, options, subject)
            group = "" if options.group in (None, INVALID) else str(options.group)
            roles = read_roles(inputs, args.get("rbac_roles", []), group, context)
            policies = read_access_policies(inputs, args.get("access_policies", []), context)
            inputs.reject(*_combination_problems(args, options))
            # A group beside a type for nodes is one problem, not one of each principal.
            shared_group = None if not group or options.type is INVALID or options.type.is_for_nodes else group
            principals = read_principals(inputs, args["principals"], shared_group, context)
            tags = inputs.text_values("tags", args.get("tags", {}))
            if options.expires is not None and options.expires is not INVALID:
                tags = {**tags, EXPIRES_TAG: options.expires.isoformat()}
            inputs.reject(*(each.with_prefix("tags") for each in tag_rules.problems(tags, keys_have_case=True)))
            readable = _require_readable(inputs, cluster, context)

        checks = _provider_checks(inputs, opts, args, cluster, options)
        super().__init__(
            "eks-identity:index:ClusterAccess", resource_name, {}, provider_account.depend_on_checks(opts, *checks)
        )
        _warn_of_expiry(self, subject, options.expires)
        if roles:
            require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        principals = look_up_permission_sets(inputs, principals, context, self, checks)
        registrar = AccessRegistrar(
            resource_name, self, inputs, context, readable, options.adopt, options.allow_lockout_of, tags
        )
        access = registrar.register(principals, policies)
        preflight = RbacPreflight(self, subject, readable, query_cache.program_query_cache())
        bindings = bind_roles(resource_name, roles, group, access.resources, preflight)
        registrar.register_guard(access, bindings, roles, group, policies)
        self.group = pulumi.Output.from_input(group)
        self.role_names = pulumi.Output.from_input([role.name for role in roles])
        self.binding_names = pulumi.Output.from_input([role.binding_name for role in roles])
        self.principal_arns = pulumi.Output.all(*access.arns)
        self.register_outputs(
            {
                "group": self.group,
                "role_names": self.role_names,
                "binding_names": self.binding_names,
                "principal_arns": self.principal_arns,
            }
        )


def _context(inputs: Inputs, cluster: ClusterConnection, options: _Options, subject: str) -> AccessContext:
    """Return what all principals share; INVALID if the access method or the type is."""
    connection = parse_connection(inputs, cluster)
    if INVALID in (options.access_method, options.type):
        return INVALID  # type: ignore[no-any-return]
    return AccessContext(subject, options.access_method, options.type, cluster, connection)


def _provider_checks(
    inputs: Inputs,
    opts: pulumi.ResourceOptions | None,
    args: ClusterAccessArgs,
    cluster: ClusterConnection,
    options: _Options,
) -> list[Check]:
    """Return the checks of the providers that resources and queries of this declaration use."""
    uses_aws_provider = args.get("access_policies") or not options.adopt
    looks_up_roles = any("permission_set" in principal for principal in args["principals"])
    checks: list[Check | None] = []
    if looks_up_roles or (options.access_method.uses_access_entries and uses_aws_provider):
        checks.append(provider_account.check_account_of_cluster(inputs, opts, cluster))
    if args.get("rbac_roles"):
        checks.append(kubernetes_providers.check_provider_of_cluster(inputs, opts, cluster))
    return [check for check in checks if check is not None]


def _warn_of_expiry(component: pulumi.Resource, subject: str, last_day: date | None) -> None:
    """Warn if the access has ended, or ends soon."""
    today = datetime.now(UTC).date()
    if last_day is None or last_day - today > EXPIRY_NOTICE:
        return
    ended = f"ended after {last_day}" if last_day < today else f"ends after {last_day}"
    diagnostics.warn(f"{subject}: the access {ended}; fix: remove it, or set expires to a later date", component)


def _combination_problems(args: ClusterAccessArgs, options: _Options) -> list[Problem]:
    """Return the problems of inputs that are valid one by one."""
    problems = _expiry_problems(args, options)
    if args.get("rbac_roles") and "group" not in args:
        problems.append(Problem("group", "must be set for rbac_roles, which are bound to it", None, "name a group"))
    if options.type is not INVALID and options.type.is_for_nodes:
        return problems + _node_problems(args, options)
    if "group" in args or args.get("access_policies"):
        return problems
    rule = "must get permissions: by a group, an access policy, or a username that a binding names"
    fix = "set group and rbac_roles, or access_policies; or set the username that a binding of yours names"
    return problems + [
        Problem(f"principals[{index}]", rule, principal.get("arn", principal.get("permission_set")), fix)
        for index, principal in enumerate(args["principals"])
        if not principal.get("groups") and "username" not in principal
    ]


def _expiry_problems(args: ClusterAccessArgs, options: _Options) -> list[Problem]:
    """Return the problems of `expires` beside other inputs."""
    if "expires" not in args:
        return []
    problems = []
    if options.access_method == AccessMethod.AWS_AUTH:
        rule = "must be omitted with access_method aws-auth: a mapping in aws-auth cannot hold a date (EKS)"
        fix = "set access_method to access-entry or both, or remove expires"
        problems.append(Problem("expires", rule, args["expires"], fix))
    if EXPIRES_TAG in args.get("tags", {}):
        rule = "must be omitted with expires, which sets the tag"
        problems.append(Problem(f"tags.{EXPIRES_TAG}", rule, args["tags"][EXPIRES_TAG], "remove the tag"))
    return problems


def _node_problems(args: ClusterAccessArgs, options: _Options) -> list[Problem]:
    """Return the problems of inputs that types for nodes do not accept."""
    superfluous = [name for name in ("group", "rbac_roles") if args.get(name)]
    problems = []
    if superfluous:
        rule = f"must be omitted with type {options.type}: nodes get their permissions from the type"
        fix = f"remove {' and '.join(superfluous)}"
        problems.append(Problem(superfluous[0], rule, args.get(superfluous[0]), fix))
    if options.access_method is INVALID:
        return problems
    if options.access_method.uses_aws_auth and options.type not in identities.NODE_IDENTITIES:
        types = ", ".join(identities.NODE_IDENTITIES)
        rule = f"must be access-entry with type {options.type}: aws-auth has only {types} (EKS)"
        problems.append(Problem("access_method", rule, str(options.access_method), "set access_method to access-entry"))
    elif options.adopt and options.access_method.uses_access_entries:
        rule = f"must be omitted for access entries of type {options.type}: existing nodes need theirs unchanged"
        problems.append(Problem("adopt", rule, args.get("adopt"), "remove adopt, and leave the entry to its owner"))
    return problems


def _require_readable(inputs: Inputs, cluster: ClusterConnection, context: AccessContext) -> ClusterConnection:
    """Return the connection; its values resolve once the cluster's authentication mode reads the access method."""
    if context is INVALID:
        return cluster
    mode = inputs.parse("", context.connection.authentication_mode, partial(_require_mode, context.access_method))

    # The name of a cluster that will be replaced is known at preview, and its endpoint is not. Waiting for the endpoint
    # keeps queries about the new cluster from being answered for the old one.
    def readable(field: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
        def require_value(resolved: Sequence[Any]) -> str:
            with Problems() as problems:
                problems.parse(f"cluster.{field}", PARSERS[field], resolved[-1])
            return str(resolved[-1])

        return pulumi.Output.from_input(inputs.parse("", [mode, cluster["endpoint"], value], require_value))

    return {
        **cluster,
        "name": readable("name", context.connection.name),
        "region": readable("region", cluster["region"]),
        "kubeconfig": readable("kubeconfig", cluster["kubeconfig"]),
    }


def _require_mode(access_method: AccessMethod, mode: AuthenticationMode) -> AuthenticationMode:
    if problems := access_method.refusals(mode):
        raise InvalidInput(problems)
    return mode
