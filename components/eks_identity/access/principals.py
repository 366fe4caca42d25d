"""Who is let into a cluster: IAM users, roles and account roots by ARN, Identity Center's roles by permission set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.provider_account import Check
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import identity_center, names
from eks_identity.model.access_entries import AccessMethod, EntrySpec, EntryType
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.aws_auth import UserMapping
from eks_identity.model.identities import NODE_IDENTITIES
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.inputs import Inputs, is_plain


class PrincipalArgs(TypedDict):
    """Somebody who is let in: by `arn`, or by `permission_set`."""

    arn: NotRequired[pulumi.Input[str]]
    """IAM user, role or account root, as IAM writes it, path included; sessions are refused. An account root is the
    root user alone, not everybody in the account as in a trust policy: the preview says so. Of a role or user of this
    program pass the output, as in `role.arn`: where Pulumi replaces the role, its access entry is replaced, too."""
    permission_set: NotRequired[pulumi.Input[str]]
    """The name of an Identity Center permission set that is assigned to the cluster's account. The role that it has
    there is looked up in IAM (`iam:ListRoles`). For another account, give the role's `arn`."""
    account_id: NotRequired[pulumi.Input[str]]
    """The account of the permission set's role, to be sure: it has to be the cluster's."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username; else the IAM user's name, or `<role>:{{SessionName}}`. `{{SessionName}}`,
    `{{SessionNameRaw}}` and `{{AccountID}}` are filled in; in access entries a colon stands before session names."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """Groups besides the one that this access is about."""


@dataclass(frozen=True)
class PrincipalSpec:
    """One of `principals`, in the words of this declaration."""

    under: str
    """`principals[0]`"""
    given: PrincipalArgs
    arn: pulumi.Input[str] | None
    """None until a permission set's role is looked up."""
    groups: Sequence[pulumi.Input[str]]

    @property
    def who(self) -> dict[str, Any]:
        """What decides the identity in the cluster."""
        return {"arn": self.arn, "groups": list(self.groups), "username": self.given.get("username")}


@dataclass(frozen=True)
class AccessContext:
    """How principals enter: the same for all of one declaration."""

    place: str
    """`ClusterAccess "operators"`"""
    access_method: AccessMethod
    type: EntryType
    cluster: ClusterConnection


def people(
    inputs: Inputs, principals: Sequence[PrincipalArgs], group: str | None, entrance: AccessContext | None
) -> list[PrincipalSpec]:
    """The principals, with what is wrong with them kept in `inputs`."""
    found: list[PrincipalSpec] = []
    seen: dict[str, str] = {}
    for index, given in enumerate(principals):
        under = f"principals[{index}]"
        groups = [*([] if group is None else [group]), *given.get("groups", [])]
        person = PrincipalSpec(under, given, given.get("arn"), groups)
        wrong = len(inputs.problems.found)
        inputs.require(*(problem.under(under) for problem in _named_once(given)))
        key = given.get("arn", given.get("permission_set"))
        if isinstance(key, str) and (first := seen.setdefault(_one_of_its_name(key), under)) != under:
            rule = "each principal once, whatever the case of its ARN and the path in it (IAM has one of a name)"
            field = "arn" if "arn" in given else "permission_set"
            inputs.problems.add(f"{under}.{field}", rule, key, f"take {first} or this one out")
        if entrance is not None and len(inputs.problems.found) == wrong:
            _check(inputs, person, entrance)
        elif entrance is None and isinstance(person.arn, str):
            inputs.take(f"{under}.arn", person.arn, Principal.parse)
        found.append(person)
    return found


def looked_up(
    inputs: Inputs,
    persons: Sequence[PrincipalSpec],
    entrance: AccessContext,
    component: pulumi.Resource,
    checks: Sequence[Check],
) -> list[PrincipalSpec]:
    """The same, with the roles of permission sets found in IAM, after these checks. One call for all of them."""
    if all(person.arn is not None for person in persons):
        return list(persons)
    roles = aws.iam.get_roles_output(
        path_prefix=identity_center.PATH_PREFIX,
        opts=pulumi.InvokeOutputOptions(parent=component, depends_on=list(checks)),  # type: ignore[arg-type]
    ).arns
    found = []
    for person in persons:
        if person.arn is None:
            asked = {
                "name": person.given["permission_set"],
                "account": entrance.cluster["account_id"],
                "arns": roles,
                "said": person.given.get("account_id"),
            }
            role = inputs.later(asked, _role, person.under)
            person = replace(person, arn=role)  # noqa: PLW2901 - the same person, known better
            _check(inputs, person, entrance)
        found.append(person)
    return found


def _role(known: Mapping[str, Any]) -> str:
    """The ARN of a permission set's role. Of an account that is not the cluster's nothing more is said than that."""
    problems = Problems()
    if known["said"] is not None:
        problems.parse("account_id", _own_account, [known["said"], known["account"]])
    if problems.found:
        raise InvalidInput(problems.found)
    return identity_center.role_of(known["name"], known["account"], known["arns"]).arn


def access_entry(entrance: AccessContext, person: PrincipalSpec, who: Mapping[str, Any]) -> EntrySpec:
    """The access entry of `person`, whose `who` is known now."""
    _allowed(entrance, person, who)
    return _entry(entrance, who)


def _entry(entrance: AccessContext, who: Mapping[str, Any]) -> EntrySpec:
    account = who.get("cluster_account")
    return EntrySpec.of(who["arn"], who["groups"], who["username"], type=entrance.type, cluster_account=account)


def logical_name(arn: str) -> str:
    """The part of resources' logical names that is the principal's: the same however the declaration names it."""
    return identity_center.logical_name(Principal.parse(arn))


def _one_of_its_name(key: str) -> str:
    """`key` without what does not tell two principals apart: a permission set's name is no ARN, and stays."""
    try:
        return logical_name(key)
    except InvalidInput:
        return key.lower()


def _named_once(given: PrincipalArgs) -> list[Problem]:
    if ("arn" in given) == ("permission_set" in given):
        rule = "a principal is named by arn or by permission_set, one of the two"
        return [Problem("arn", rule, given.get("arn"), "give arn; or permission_set for an Identity Center role")]
    if "account_id" in given and "arn" in given:
        rule = "an ARN has its account in it"
        return [Problem("account_id", rule, given["account_id"], "leave account_id out")]
    return []


def _check(inputs: Inputs, person: PrincipalSpec, entrance: AccessContext) -> None:
    """Everything that can be wrong with one principal: plain values at once, Outputs when they are known."""
    wrong = len(inputs.problems.found)
    if person.arn is None:
        given = person.given
        inputs.take(f"{person.under}.permission_set", given["permission_set"], identity_center.permission_set)
        if "account_id" in given:
            accounts = [given["account_id"], entrance.cluster["account_id"]]
            inputs.take(f"{person.under}.account_id", accounts, _own_account)
        return
    if is_plain(person.who):
        inputs.take(person.under, person.who, partial(_allowed, entrance, person))
    if len(inputs.problems.found) == wrong:
        in_account = {**person.who, "cluster_account": entrance.cluster["account_id"]}
        inputs.take(person.under, in_account, partial(_allowed, entrance, person))
    if len(inputs.problems.found) == wrong and not inputs.has_refused("cluster"):
        place = f"{person.under} of {entrance.place}"
        both = {"cluster": entrance.cluster["arn"], "principal": person.arn}
        fits = partial(_fits, place, entrance.access_method, person)
        inputs.take(person.under, both, fits)
        if not is_plain(entrance.cluster["arn"]) and len(inputs.problems.found) == wrong:
            # In the preview that creates the cluster its ARN is not known; the Output of it tells clusters apart.
            once = partial(
                _declared_once, place, entrance.access_method, person, program_state.object_key(entrance.cluster["arn"])
            )
            inputs.take(person.under, person.arn, lambda arn: once(Principal.parse(arn)))


def _allowed(entrance: AccessContext, person: PrincipalSpec, who: Mapping[str, Any]) -> None:
    """Refuses what an entry or a mapping does not take, in the words and places of `PrincipalArgs`."""
    problems = Problems()
    if entrance.access_method.uses_access_entries:
        problems.parse("", _entry, entrance, who)
    # That a type has no equal in aws-auth is reported once, of access_method.
    is_in_aws_auth = not entrance.type.is_for_nodes or entrance.type in NODE_IDENTITIES
    if entrance.access_method.uses_aws_auth and is_in_aws_auth and not problems.found:
        problems.parse("", UserMapping.of, who["arn"], who["groups"], who["username"], type=entrance.type)
    if problems.found:
        first = len(who["groups"]) - len(person.given.get("groups", []))
        raise InvalidInput([_as_written(problem, first) for problem in problems.found])


_WRITTEN = {"principal_arn": "arn", "kubernetes_groups": "groups"}
_INDEX = re.compile(r"groups\[(\d+)\]")


def _as_written(problem: Problem, first: int) -> Problem:
    """`problem` of a principal's own groups, which begin at index `first` of all that it gets."""
    field, bracket, rest = problem.input.partition("[")
    field = f"{_WRITTEN.get(field, field)}{bracket}{rest}"
    return replace(problem, input=_INDEX.sub(lambda found: f"groups[{max(int(found[1]) - first, 0)}]", field))


def _own_account(accounts: Any) -> None:
    """Refuses a permission set's role of another account than the cluster's."""
    account, own = accounts
    if names.account_id(account) != own:
        rule = f"roles are looked up in the cluster's account {own} alone: no other account's IAM can be asked"
        listed = f"`aws iam list-roles --path-prefix {identity_center.PATH_PREFIX}` in account {account} shows it"
        raise InvalidInput([Problem("", rule, account, f"give the role's arn in place of permission_set: {listed}")])


def _fits(place: str, access_method: AccessMethod, person: PrincipalSpec, known: Any) -> None:
    """Refuses a principal that can never enter this cluster, or that this program lets in twice."""
    try:
        cluster = Arn.parse(known["cluster"])
    except InvalidInput:
        return  # said of the connection, under its own name
    principal = Principal.parse(known["principal"])
    if principal.partition != cluster.partition:
        rule = f"a cluster of partition {cluster.partition.name} knows principals of that partition"
        raise InvalidInput([Problem("arn", rule, principal.arn, "give a principal of the cluster's own partition")])
    if principal.kind is PrincipalKind.ROOT:
        diagnostics.warn(
            f"{place}: {principal.arn} is the root user alone, not everybody in account {principal.account}, which no "
            "way into a cluster can give a group; to let others in, give a role that they may assume"
        )
    _declared_once(place, access_method, person, str(cluster), principal)
    who = principal.aws_auth_arn.lower()
    entered = program_state.claimed_by(AccessMethod.ACCESS_ENTRY, str(cluster), who)
    mapped = program_state.claimed_by(AccessMethod.AWS_AUTH, str(cluster), who)
    if entered and mapped and entered != mapped:
        diagnostics.warn(
            f"{principal.arn} is let in by {entered} (access-entry) and by {mapped} (aws-auth): EKS takes the access "
            "entry, and the aws-auth mapping does nothing; for a migration, say access_method both in one of them"
        )


def _declared_once(
    place: str, access_method: AccessMethod, person: PrincipalSpec, cluster: str, principal: Principal
) -> None:
    """Reject a principal that this program declares for the same cluster and access method elsewhere."""
    for way in (AccessMethod.ACCESS_ENTRY, AccessMethod.AWS_AUTH):
        if access_method not in {way, AccessMethod.BOTH}:
            continue
        first = program_state.claim(place, way, cluster, principal.aws_auth_arn.lower())
        if first != place:
            what = "access entry" if way is AccessMethod.ACCESS_ENTRY else "entry of aws-auth"
            rule = f"must have one {what} in a cluster (EKS), and {first} declares it; case and path make no difference"
            raise InvalidInput([Problem("arn", rule, principal.arn, _both(first, place, person))])


def _both(first: str, second: str, person: PrincipalSpec) -> str:
    """How one principal gets the access of two declarations."""
    if first.startswith(program_state.CREATE):
        return f"remove {first}: {second} creates the access entry"
    own = (
        "declare it in a ClusterAccess of its own, with the policies of both in policies and the groups of both in "
        'its "groups", and remove it from the other two'
    )
    groups = [group for group in person.groups if isinstance(group, str)]
    if not groups:
        return own
    listed = ", ".join(f'"{group}"' for group in groups)
    return (
        f'add "groups": [{listed}] to {first}, and remove {second}, whose list of principals may be empty; a principal '
        f"that needs the access policies of both: {own}"
    )
