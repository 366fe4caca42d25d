"""Who is let into a cluster: IAM users, roles and account roots by ARN, Identity Center's roles by permission set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity import declared
from eks_identity.clusters.callers import Check
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.inputs import Inputs, is_plain, short
from eks_identity.model import identity_center, names
from eks_identity.model.access_entries import AccessEntry, EntryType, Via
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.aws_auth import UserMapping


class PrincipalArgs(TypedDict):
    """Somebody who is let in: by `arn`, or by `permission_set`."""

    arn: NotRequired[pulumi.Input[str]]
    """IAM user, role or account root, as IAM writes it, path included; sessions are refused. An account root is the
    root user alone, not everybody in the account as in a trust policy: the preview says so."""
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
class Person:
    """One of `principals`, in the words of this declaration."""

    label: str
    """What resource names call it."""
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
class Entrance:
    """How principals enter: the same for all of one declaration."""

    place: str
    """`ClusterAccess "operators"`"""
    via: Via
    type: EntryType
    cluster: ClusterConnection


def people(
    inputs: Inputs, principals: Sequence[PrincipalArgs], group: str | None, entrance: Entrance | None
) -> list[Person]:
    """The principals, with what is wrong with them kept in `inputs`."""
    found: list[Person] = []
    seen: dict[str, str] = {}
    for index, given in enumerate(principals):
        under = f"principals[{index}]"
        label = _label(given, index)
        taken = any(person.label == label for person in found)
        groups = [*([] if group is None else [group]), *given.get("groups", [])]
        person = Person(f"{label}-{index}" if taken else label, under, given, given.get("arn"), groups)
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
    inputs: Inputs, persons: Sequence[Person], entrance: Entrance, component: pulumi.Resource, checks: Sequence[Check]
) -> list[Person]:
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
            }
            role = inputs.later(asked, lambda known: identity_center.role_of(**known).arn, person.under)
            person = replace(person, arn=role)  # noqa: PLW2901 - the same person, known better
            _check(inputs, person, entrance)
        found.append(person)
    return found


def access_entry(entrance: Entrance, person: Person, who: Mapping[str, Any]) -> AccessEntry:
    """The access entry of `person`, whose `who` is known now."""
    _allowed(entrance, person, who)
    return _entry(entrance, who)


def _entry(entrance: Entrance, who: Mapping[str, Any]) -> AccessEntry:
    account = who.get("cluster_account")
    return AccessEntry.of(who["arn"], who["groups"], who["username"], type=entrance.type, cluster_account=account)


def _label(given: PrincipalArgs, index: int) -> str:
    if "permission_set" in given:
        return short(given["permission_set"], index)
    label = short(given.get("arn", ""), index) or str(index)
    # Named by ARN today and by permission set tomorrow, it is the same principal.
    return identity_center.permission_set_of(label) or label


def _one_of_its_name(key: str) -> str:
    """`key` without what does not tell two principals apart; to the letter where it is no principal's ARN."""
    try:
        who = Principal.parse(key)
    except InvalidInput:
        return key.lower()
    return f"{who.kind} {who.account} {who.name.lower()}"


def _named_once(given: PrincipalArgs) -> list[Problem]:
    if ("arn" in given) == ("permission_set" in given):
        rule = "a principal is named by arn or by permission_set, one of the two"
        return [Problem("arn", rule, given.get("arn"), "give arn; or permission_set for an Identity Center role")]
    if "account_id" in given and "arn" in given:
        rule = "an ARN has its account in it"
        return [Problem("account_id", rule, given["account_id"], "leave account_id out")]
    return []


def _check(inputs: Inputs, person: Person, entrance: Entrance) -> None:
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
        inputs.take(person.under, both, partial(_fits, place, entrance.via))


def _allowed(entrance: Entrance, person: Person, who: Mapping[str, Any]) -> None:
    """Refuses what an entry or a mapping does not take, in the words and places of `PrincipalArgs`."""
    problems = Problems()
    if entrance.via.uses_access_entries:
        problems.take("", _entry, entrance, who)
    if entrance.via.uses_aws_auth and not problems.found:
        problems.take("", UserMapping.of, who["arn"], who["groups"], who["username"])
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


def _fits(place: str, via: Via, known: Any) -> None:
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
        pulumi.log.warn(
            f"{place}: {principal.arn} is the root user alone, not everybody in account {principal.account}, which no "
            "way into a cluster can give a group; to let others in, give a role that they may assume"
        )
    who = principal.aws_auth_arn.lower()
    for way in (Via.ACCESS_ENTRY, Via.AWS_AUTH):
        if via not in {way, Via.BOTH}:
            continue
        first = declared.first(place, way, str(cluster), who)
        if first != place:
            rule = f"a principal has one {way} mapping in a cluster, whatever the case of its ARN (EKS)"
            raise InvalidInput([Problem("arn", rule, principal.arn, f"take it out of {first} or of {place}")])
    entered = declared.earlier(Via.ACCESS_ENTRY, str(cluster), who)
    mapped = declared.earlier(Via.AWS_AUTH, str(cluster), who)
    if entered and mapped and entered != mapped:
        pulumi.log.warn(
            f"{principal.arn} is let in by {entered} (access-entry) and by {mapped} (aws-auth): EKS takes the access "
            "entry, and the aws-auth mapping does nothing; for a migration, say via both in one of them"
        )
