"""Principals of a ClusterAccess: IAM users, roles and account roots by ARN, Identity Center roles by permission set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.clusters.connections import ClusterConnection, Connection
from eks_identity.clusters.provider_account import Check
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import identity_center, names
from eks_identity.model.access_entries import AccessMethod, EntrySpec, EntryType
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.aws_auth import UserMapping
from eks_identity.model.identities import NODE_IDENTITIES
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.inputs import INVALID, Inputs


class PrincipalArgs(TypedDict):
    """An IAM principal that gets access to the cluster: `arn` or `permission_set`."""

    arn: NotRequired[pulumi.Input[str]]
    """ARN of an IAM user, role or account root, with its path. Sessions are rejected. An account root is the root user
    alone, not every principal of the account as in a trust policy: the preview warns. For a role or user of this
    program pass its output, as in `role.arn`: when Pulumi replaces the role, its access entry is replaced too. The
    preview of a Python program rejects a literal ARN of a role that the update creates or replaces."""
    permission_set: NotRequired[pulumi.Input[str]]
    """Name of an IAM Identity Center permission set that is assigned to the cluster's account. The component looks up
    its role in IAM (`iam:ListRoles`). For another account, pass the role's `arn`."""
    account_id: NotRequired[pulumi.Input[str]]
    """Account of the permission set's role. It must be the cluster's account."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username; by default the IAM user's name, or `<role>:{{SessionName}}`. EKS replaces `{{SessionName}}`,
    `{{SessionNameRaw}}` and `{{AccountID}}`; in access entries session names follow a colon."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """Kubernetes groups in addition to the `group` of this ClusterAccess."""


@dataclass(frozen=True)
class AccessContext:
    """Values that all principals of one declaration share."""

    subject: str
    """`ClusterAccess "operators"`"""
    access_method: AccessMethod
    type: EntryType
    cluster: ClusterConnection
    connection: Connection


@dataclass(frozen=True)
class PrincipalAccess:
    """A principal with its username and groups, as EKS and the authenticator accept them."""

    principal: Principal
    username: str | None
    groups: tuple[str, ...]

    @property
    def effective_username(self) -> str:
        """The username, by default the same one as in aws-auth, so that audit logs do not change with the method."""
        return self.principal.default_username if self.username is None else self.username


@dataclass(frozen=True)
class PrincipalInput:
    """One of `principals`."""

    under: str
    """`principals[0]`"""
    args: PrincipalArgs
    groups: Sequence[pulumi.Input[str]]
    principal: pulumi.Input[Principal] | None
    """None for a permission set until its role is looked up."""
    access: pulumi.Input[PrincipalAccess] | None = None
    """None until the principal is."""

    @property
    def resolved_access(self) -> pulumi.Output[PrincipalAccess]:
        """The access as an Output."""
        assert self.access is not None
        return pulumi.Output.from_input(self.access)


def read_principals(
    inputs: Inputs, principals: Sequence[PrincipalArgs], group: str | None, context: AccessContext
) -> list[PrincipalInput]:
    """Parse `principals`; problems are added to `inputs`. `group` is the one of the declaration."""
    parsed: list[PrincipalInput] = []
    first_with: dict[str, str] = {}
    for index, args in enumerate(principals):
        under = f"principals[{index}]"
        problems = _identity_problems(args)
        inputs.reject(*(problem.with_prefix(under) for problem in problems))
        principal: pulumi.Input[Principal] | None = None
        if "arn" in args:
            principal = INVALID if problems else inputs.parse(f"{under}.arn", args["arn"], Principal.parse)
        elif not problems:
            _parse_permission_set(inputs, under, args, context)
        groups = [*([] if group is None else [group]), *args.get("groups", [])]
        each = PrincipalInput(under, args, groups, principal)
        if problem := _repeated(each, first_with):
            inputs.reject(problem)
        elif principal is not None:
            each = _with_access(inputs, each, context)
        parsed.append(each)
    return parsed


def look_up_permission_sets(
    inputs: Inputs,
    principals: Sequence[PrincipalInput],
    context: AccessContext,
    component: pulumi.Resource,
    checks: Sequence[Check],
) -> list[PrincipalInput]:
    """Return the principals with the roles of permission sets, which one IAM call finds after these checks."""
    if all(each.principal is not None for each in principals):
        return list(principals)
    role_arns = aws.iam.get_roles_output(
        path_prefix=identity_center.PATH_PREFIX,
        opts=pulumi.InvokeOutputOptions(parent=component, depends_on=list(checks)),  # type: ignore[arg-type]
    ).arns

    def looked_up(each: PrincipalInput) -> PrincipalInput:
        if each.principal is not None:
            return each
        fields = [each.args["permission_set"], context.cluster["account_id"], each.args.get("account_id"), role_arns]
        role = inputs.parse(each.under, fields, _permission_set_role)
        return _with_access(inputs, replace(each, principal=role), context)

    return [looked_up(each) for each in principals]


def _permission_set_role(resolved: Sequence[Any]) -> Principal:
    """Return a permission set's role; for another account than the cluster's raise nothing but that."""
    name, own_account, account, role_arns = resolved
    if account is not None:
        with Problems() as problems:
            problems.parse("account_id", _require_own_account, [account, own_account])
    return identity_center.role_of(name, own_account, role_arns)


def _identity_problems(args: PrincipalArgs) -> list[Problem]:
    if ("arn" in args) == ("permission_set" in args):
        rule = "must be set, or permission_set: exactly one of the two"
        return [Problem("arn", rule, args.get("arn"), "set arn; or permission_set for an Identity Center role")]
    if "account_id" in args and "arn" in args:
        rule = "must be omitted with arn, which contains the account"
        return [Problem("account_id", rule, args["account_id"], "remove account_id")]
    return []


def _parse_permission_set(inputs: Inputs, under: str, args: PrincipalArgs, context: AccessContext) -> None:
    inputs.parse(f"{under}.permission_set", args["permission_set"], identity_center.permission_set)
    if "account_id" in args and context is not INVALID:
        accounts = [args["account_id"], context.cluster["account_id"]]
        inputs.parse(f"{under}.account_id", accounts, _require_own_account)


def _repeated(each: PrincipalInput, first_with: dict[str, str]) -> Problem | None:
    """Return the problem of a principal that is earlier in the list; IAM has one of a name, whatever case and path."""
    field = "permission_set" if each.principal is None else "arn"
    if isinstance(each.principal, Principal):
        key = identity_center.logical_name(each.principal)
    elif each.principal is None and isinstance(name := each.args.get("permission_set"), str):
        key = name.lower()
    else:
        return None
    first = first_with.setdefault(key, each.under)
    if first == each.under:
        return None
    rule = "must name each principal once, whatever the case of its ARN and its path (IAM has one of a name)"
    return Problem(f"{each.under}.{field}", rule, each.args.get(field), f"remove {first} or this one")


def _with_access(inputs: Inputs, each: PrincipalInput, context: AccessContext) -> PrincipalInput:
    """Return the principal with its parsed access, which fits the cluster and is declared once in the program."""
    own = each.args.get("groups", [])
    parse = partial(_parse_access, number_of_own_groups=len(own))
    resolved = [context, each.principal, list(each.groups), each.args.get("username")]
    access = inputs.parse(each.under, resolved, parse)
    if context is INVALID:
        return replace(each, access=access)
    if context.access_method.uses_access_entries and context.type.is_for_nodes:
        in_account = partial(_require_cluster_account, context)
        inputs.parse(each.under, [access, context.cluster["account_id"]], in_account)
    fits = partial(_require_fit, context, each)
    inputs.parse(f"{each.under}.arn", [context.connection.arn, access], fits)
    if isinstance(context.connection.arn, pulumi.Output):
        # The preview that creates the cluster does not know its ARN; the Output of it tells clusters apart.
        key = program_state.object_key(context.cluster["arn"])
        once = partial(_declare_once, context, each, key)
        inputs.parse(f"{each.under}.arn", each.principal, once)
    return replace(each, access=access)


def _parse_access(resolved: Sequence[Any], *, number_of_own_groups: int) -> PrincipalAccess:
    """Raise the problems that EKS or the authenticator has with this principal, by the names of `PrincipalArgs`."""
    context, principal, groups, username = resolved
    problems = Problems()
    if context.access_method.uses_access_entries:
        problems.parse("", EntrySpec.of, principal, groups, username, type=context.type)
    # A type without an equivalent in aws-auth is reported once, as a problem of access_method.
    is_in_aws_auth = not context.type.is_for_nodes or context.type in NODE_IDENTITIES
    if context.access_method.uses_aws_auth and is_in_aws_auth and not problems.items:
        problems.parse("", UserMapping.of, principal, groups, username, type=context.type)
    if problems.items:
        first = len(groups) - number_of_own_groups
        raise InvalidInput([_of_principal_args(problem, first) for problem in problems.items])
    return PrincipalAccess(principal, username, tuple(groups))


_ARGS = {"principal_arn": "arn", "kubernetes_groups": "groups"}
_INDEX = re.compile(r"groups\[(\d+)\]")


def _of_principal_args(problem: Problem, first: int) -> Problem:
    """Return `problem` by the input's name; the principal's own groups begin at index `first` of all its groups."""
    field, bracket, rest = problem.input.partition("[")
    field = f"{_ARGS.get(field, field)}{bracket}{rest}"
    return replace(problem, input=_INDEX.sub(lambda index: f"groups[{max(int(index[1]) - first, 0)}]", field))


def _require_own_account(accounts: Sequence[str]) -> None:
    account, own = accounts
    if names.account_id(account) != own:
        rule = f"must be the cluster's account {own}: only its IAM is queried"
        command = f"`aws iam list-roles --path-prefix {identity_center.PATH_PREFIX}` in account {account} lists it"
        raise InvalidInput([Problem("", rule, account, f"pass the role's arn instead of permission_set: {command}")])


def _require_cluster_account(context: AccessContext, resolved: Sequence[Any]) -> None:
    """Raise the problem of a node role of another account than the cluster's."""
    access, account = resolved
    problems = Problems()
    problems.parse("", EntrySpec.of, access.principal, type=context.type, cluster_account=account)
    if problems.items:
        raise InvalidInput([_of_principal_args(problem, 0) for problem in problems.items])


def _require_fit(context: AccessContext, each: PrincipalInput, resolved: Sequence[Any]) -> None:
    """Reject a principal of another partition, or one that this program declares twice; warn of an account root."""
    cluster, access = resolved
    principal = access.principal
    if principal.partition != cluster.partition:
        rule = f"must be of the cluster's partition {cluster.partition.name}"
        raise InvalidInput([Problem("", rule, principal.arn, "pass a principal of that partition")])
    if principal.kind is PrincipalKind.ROOT:
        diagnostics.warn(
            f"{each.under} of {context.subject}: {principal.arn} is the root user alone, not every principal of "
            f"account {principal.account}, to which no access method can give a group; to give others access, pass a "
            "role that they may assume"
        )
    _declare_once(context, each, str(cluster), principal)
    key = str(cluster), principal.aws_auth_arn.lower()
    with_entry = program_state.claimed_by(AccessMethod.ACCESS_ENTRY, *key)
    with_mapping = program_state.claimed_by(AccessMethod.AWS_AUTH, *key)
    if with_entry and with_mapping and with_entry != with_mapping:
        diagnostics.warn(
            f"{principal.arn} has an access entry in {with_entry} and an aws-auth mapping in {with_mapping}: EKS reads "
            "the access entry, and the mapping has no effect; for a migration, set access_method to both in one of them"
        )


def _declare_once(context: AccessContext, each: PrincipalInput, cluster: str, principal: Principal) -> None:
    """Reject a principal that another declaration of this program has for the same cluster and access method."""
    declaration = f"{each.under} of {context.subject}"
    for method in (AccessMethod.ACCESS_ENTRY, AccessMethod.AWS_AUTH):
        if context.access_method not in {method, AccessMethod.BOTH}:
            continue
        first = program_state.claim(declaration, method, cluster, principal.aws_auth_arn.lower())
        if first != declaration:
            kind = "access entry" if method is AccessMethod.ACCESS_ENTRY else "entry of aws-auth"
            rule = f"must have one {kind} in a cluster (EKS), and {first} declares it; case and path make no difference"
            raise InvalidInput([Problem("", rule, principal.arn, _merge_fix(first, declaration, each))])


def _merge_fix(first: str, second: str, each: PrincipalInput) -> str:
    """Return how one principal gets the access of two declarations."""
    if first.startswith(program_state.CREATE_PREFIX):
        return f"remove {first}: {second} creates the access entry"
    own = (
        "declare it in a ClusterAccess of its own, with the policies of both in access_policies and the groups of both "
        'in its "groups", and remove it from the other two'
    )
    groups = [group for group in each.groups if isinstance(group, str)]
    if not groups:
        return own
    listed = ", ".join(f'"{group}"' for group in groups)
    return (
        f'add "groups": [{listed}] to {first}, and remove {second}, whose list of principals may be empty; a principal '
        f"that needs the access policies of both: {own}"
    )
