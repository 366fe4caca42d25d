"""People into the cluster: RBAC roles bound to a group, access policies, and the IAM principals that get them.

All of them are made of the same values, so that they cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NotRequired, TypedDict

import pulumi

from eks_identity.access import access_policies, principals, rbac_roles
from eks_identity.access.access_policies import AccessPolicyArgs
from eks_identity.access.access_registrar import AccessRegistrar, RegistrationOptions
from eks_identity.access.bound_roles import BoundRoles
from eks_identity.access.existing_objects import ExistingObjects
from eks_identity.access.principals import AccessContext, PrincipalArgs
from eks_identity.access.rbac_roles import RoleArgs
from eks_identity.clusters import connections, kubernetes_providers, provider_account
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.provider_account import Check
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, identities, tags
from eks_identity.model.access_entries import AccessMethod, AuthenticationMode, EntryType
from eks_identity.model.connections import CHECKS
from eks_identity.model.role_grants import rbac_fields
from eks_identity.runtime import query_cache
from eks_identity.runtime.inputs import CLUSTER_PROVIDER, Inputs, is_plain, require_provider


class ClusterAccessArgs(TypedDict):
    """Who may do what in a cluster."""

    cluster: ClusterConnection
    """`Cluster.connection`."""
    principals: list[PrincipalArgs]
    """Who is let in."""
    group: NotRequired[str]
    """The Kubernetes group that roles and principals meet in. Not one of Kubernetes' own. Required for `rbac_roles`."""
    rbac_roles: NotRequired[list[RoleArgs]]
    """RBAC roles of the group, made here or only bound."""
    access_policies: NotRequired[list[AccessPolicyArgs]]
    """EKS's access policies for each principal. Only access entries have them. They and `rbac_roles` add up."""
    type: NotRequired[str]
    """The access entries' type: `STANDARD` (the default), or one for nodes, such as `EC2_LINUX`. Types for nodes take
    roles alone, and neither groups nor usernames nor policies. Through aws-auth, `EC2_LINUX`, `EC2_WINDOWS`,
    `FARGATE_LINUX` and `HYBRID_LINUX` map the role with the username and groups that nodes of that type need: for
    self-managed node groups and Karpenter, whose roles EKS does not map. Such an entry stays in aws-auth when its
    declaration is removed, unless `allow_lockout_of` names the role: nodes that use it could no longer authenticate."""
    access_method: NotRequired[str]
    """`access-entry` (also the default), `aws-auth`, or `both` while a cluster migrates: an entry, and a mapping that
    says the same. The cluster's authentication mode has to read it."""
    adopt: NotRequired[bool]
    """Take over access entries and aws-auth entries of these principals that are there already, the cluster creator's
    for example. For an access of its own: one that has made its entries cannot take them over from itself."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose access although they are the caller, or the last administrator. If all of this
    access is removed, the value of the last update counts."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the access entries. Entries of aws-auth have none."""


class ClusterAccess(pulumi.ComponentResource):
    """People's access to a cluster in one declaration: roles, bindings, access policies, and who gets them.

    Needs the cluster's kubernetes provider in `opts.providers` where there are `rbac_roles`. Group, bindings and
    mappings are made of the same values, so that they cannot disagree. Rejected at preview: what AWS or Kubernetes
    would refuse or silently ignore, a way in that the cluster's authentication mode does not read, an access entry or
    mapping that is there already, and a principal of another partition or that this program lets in twice. An aws-auth
    mapping beside an entry for the same principal, which wins, is reported, whoever made the other one; so is a role
    that is only bound and not there.

    Rejected unless `allow_lockout_of` names the principal: a change after which the caller may do less in the cluster
    than before, or nobody is an administrator. An administrator may do everything in the whole cluster: by the access
    policy AmazonEKSClusterAdminPolicy, by `system:masters` in aws-auth, or by a binding of any ClusterRole that allows
    it. Pulumi shows nobody what it deletes before it does: a `pulumi destroy` that is refused has kept this access
    whole, and may have taken others of the stack away. Let those depend on the access that lets the caller in.
    """

    group: pulumi.Output[str]
    """Empty where there is none."""
    role_names: pulumi.Output[list[str]]
    """The roles of the group, made here or only bound."""
    binding_names: pulumi.Output[list[str]]
    """The binding of each role, in the same order."""
    principal_arns: pulumi.Output[list[str]]
    """Each principal as it was let in: without a role's path through aws-auth alone, else with it."""

    def __init__(self, name: str, args: ClusterAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        place = f'ClusterAccess "{name}"'
        with Inputs(place, args, ClusterAccessArgs) as inputs:
            partition = connections.require(inputs, args["cluster"])
            group = inputs.one_of(args["group"], "group", identities.group_to_bind) if "group" in args else None
            access_method = inputs.one_of(
                args.get("access_method", AccessMethod.ACCESS_ENTRY), "access_method", AccessMethod.parse
            )
            type_ = inputs.one_of(args.get("type", EntryType.STANDARD), "type", EntryType.parse)
            entrance = (
                AccessContext(place, access_method, type_, args["cluster"])
                if access_method is not None and type_ is not None
                else None
            )
            grants = rbac_roles.grants(inputs, args.get("rbac_roles", []), group or "")
            policies = access_policies.policies(inputs, args.get("access_policies", []), partition, entrance)
            inputs.require(*_together(args, entrance))
            # What a type for nodes does not take is reported once, and not of every principal.
            shared = None if type_ is not None and type_.is_for_nodes else group
            persons = principals.people(inputs, args["principals"], shared, entrance)
            allow_lockout_of = [
                inputs.take(f"allow_lockout_of[{index}]", arn, arns.principal_arn)
                for index, arn in enumerate(args.get("allow_lockout_of", []))
            ]
            inputs.problems.extend(tags.problems(args.get("tags", {}), keys_have_case=True), "tags")
            if not inputs.problems.found:
                rbac_roles.declare_once(inputs, place, args["cluster"]["arn"], grants)
            cluster = _readable(inputs, args["cluster"], access_method)
        assert entrance is not None

        checks = _provider_checks(inputs, opts, args, entrance)
        super().__init__("eks-identity:index:ClusterAccess", name, {}, provider_account.after(opts, *checks))
        if grants:
            require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        persons = principals.looked_up(inputs, persons, entrance, self, checks)
        options = RegistrationOptions(
            args.get("adopt", False), allow_lockout_of, inputs.texts("tags", args.get("tags", {}))
        )
        way_in = AccessRegistrar(name, replace(entrance, cluster=cluster), options, inputs, self)
        let_in = way_in.let_in(persons, policies)
        queried = self, place, cluster, query_cache.of_program()
        objects = rbac_roles.Checks(BoundRoles(*queried), ExistingObjects(*queried))
        bound = rbac_roles.bind(name, grants, group or "", let_in.resources, objects)
        by_policy = any(policy.is_cluster_admin for policy in policies)
        declared = way_in.declared(persons, policies) | rbac_fields(grants, group or "")
        way_in.guard(let_in, bound, declared, administers=by_policy or any(each.is_cluster_admin for each in grants))
        self.group = pulumi.Output.from_input(group or "")
        self.role_names = pulumi.Output.from_input([grant.name for grant in grants])
        self.binding_names = pulumi.Output.from_input([grant.binding_name for grant in grants])
        self.principal_arns = pulumi.Output.all(*let_in.arns)
        self.register_outputs(
            {
                "group": self.group,
                "role_names": self.role_names,
                "binding_names": self.binding_names,
                "principal_arns": self.principal_arns,
            }
        )


def _provider_checks(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, args: ClusterAccessArgs, entrance: AccessContext
) -> list[Check]:
    """What providers must be, as far as resources and look-ups of this declaration go by them."""
    by_provider = args.get("access_policies") or not args.get("adopt", False)
    looks_up = any("permission_set" in principal for principal in args["principals"])
    checks: list[Check | None] = []
    if looks_up or (entrance.access_method.uses_access_entries and by_provider):
        checks.append(provider_account.in_account_of_cluster(inputs, opts, args["cluster"]))
    if args.get("rbac_roles"):
        checks.append(kubernetes_providers.of_cluster(inputs, opts, args["cluster"]))
    return [check for check in checks if check is not None]


def _together(args: ClusterAccessArgs, entrance: AccessContext | None) -> list[Problem]:
    """What is wrong with inputs that are right one by one."""
    problems = []
    if args.get("rbac_roles") and "group" not in args:
        problems.append(Problem("group", "roles are bound to a group", None, "name one, such as operators"))
    if entrance is not None and entrance.type.is_for_nodes:
        return problems + _of_nodes(args, entrance)
    if "group" in args or args.get("access_policies"):
        return problems
    rule = "whoever is let in gets a group or an access policy; else they may do nothing"
    fix = "give group and roles, or policies; or the username that a binding of yours names"
    return problems + [
        Problem(f"principals[{index}]", rule, person.get("arn", person.get("permission_set")), fix)
        for index, person in enumerate(args["principals"])
        if not person.get("groups") and "username" not in person
    ]


def _of_nodes(args: ClusterAccessArgs, entrance: AccessContext) -> list[Problem]:
    """What a type for nodes does not take beside its principals."""
    given = [name for name in ("group", "rbac_roles") if args.get(name)]
    problems = []
    if given:
        rule = f"must be omitted with type {entrance.type}: nodes get their permissions from the type"
        problems.append(Problem(given[0], rule, args.get(given[0]), f"remove {' and '.join(given)}"))
    if entrance.access_method.uses_aws_auth and entrance.type not in identities.NODE_IDENTITIES:
        types = ", ".join(identities.NODE_IDENTITIES)
        rule = f"must be access-entry with type {entrance.type}: in aws-auth there are {types} alone (EKS)"
        problems.append(Problem("access_method", rule, str(entrance.access_method), "use access-entry"))
    elif args.get("adopt", False) and entrance.access_method.uses_access_entries:
        rule = f"must be omitted for access entries of type {entrance.type}: existing nodes need theirs as it is"
        problems.append(Problem("adopt", rule, args["adopt"], "remove adopt, and leave the entry to its owner"))
    return problems


def _readable(inputs: Inputs, cluster: ClusterConnection, access_method: AccessMethod | None) -> ClusterConnection:
    """The connection, once it is known that the cluster reads this way in."""

    def check(mode: str) -> None:
        refusals = access_method.refusals(AuthenticationMode.parse(mode)) if access_method else []
        if refusals:
            raise InvalidInput(refusals)

    def readable(field: str, value: pulumi.Input[str]) -> pulumi.Output[str]:
        # Of a cluster that will be replaced the name is known in the preview, and the endpoint is not: what is asked
        # about the old one by its name would be answered for the new.
        def checked(known: Sequence[str]) -> str:
            check(known[0])
            with Problems() as problems:
                problems.parse(f"cluster.{field}", CHECKS[field], known[-1])
            return known[-1]

        return inputs.later([cluster["authentication_mode"], cluster["endpoint"], value], checked)

    if is_plain(cluster["authentication_mode"]) and not inputs.has_refused("cluster"):
        inputs.take("", cluster["authentication_mode"], check)
    return {
        **cluster,
        "name": readable("name", cluster["name"]),
        "region": readable("region", cluster["region"]),
        "kubeconfig": readable("kubeconfig", cluster["kubeconfig"]),
    }
