"""People into the cluster: RBAC role, binding to a group, and the IAM principals that are in it.

All of them are made of the same values, so that they cannot disagree.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from eks_identity import declared
from eks_identity.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
from eks_identity.cluster import ClusterConnection
from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.inputs import CLUSTER_PROVIDER, Inputs, is_plain, require_provider, short
from eks_identity.model import identities, names, rbac
from eks_identity.model.access_entries import AccessEntry, AuthenticationMode, EntryType, Via
from eks_identity.model.arns import Arn, Principal
from eks_identity.model.aws_auth import UserMapping


class RuleArgs(TypedDict):
    """One rule of a role. Source: Kubernetes, PolicyRule."""

    verbs: list[str]
    resources: NotRequired[list[str]]
    api_groups: NotRequired[list[str]]
    """The core group, `""`, where it is left out."""
    resource_names: NotRequired[list[str]]
    non_resource_urls: NotRequired[list[str]]
    other_verbs: NotRequired[bool]
    """Let verbs through that Kubernetes itself does not know."""


class RoleArgs(TypedDict):
    """The RBAC role that the group gets."""

    name: str
    kind: NotRequired[str]
    """`ClusterRole` (also the default) or `Role`."""
    namespace: NotRequired[str]
    """Where a Role is and applies; a ClusterRole applies to the whole cluster."""
    rules: list[RuleArgs]


class PrincipalArgs(TypedDict):
    """Somebody who is let in."""

    arn: pulumi.Input[str]
    """IAM user, role or account root, as IAM writes it, path included; sessions are refused."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username; else the IAM user's name, or `<role>:{{SessionName}}`."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """Groups besides the one that this access is about."""


class ClusterAccessArgs(TypedDict):
    """Who may do what in a cluster."""

    cluster: ClusterConnection
    """`Cluster.connection`."""
    group: str
    """The Kubernetes group that role and principals meet in. Not one of Kubernetes' own."""
    role: RoleArgs
    binding_name: NotRequired[str]
    """The binding's name; else `<role>-binding`."""
    principals: list[PrincipalArgs]
    via: NotRequired[str]
    """`access-entry` (also the default) or `aws-auth`; the cluster's authentication mode has to read it."""
    adopt: NotRequired[bool]
    """Take over aws-auth entries of these principals that are there already."""


class ClusterAccess(pulumi.ComponentResource):
    """People's access to a cluster in one declaration: role, binding, and a mapping for each principal.

    Needs the cluster's kubernetes provider in `opts.providers`. Group, binding and mappings are made of the same
    values, so that they cannot disagree. Refused at preview: what AWS or Kubernetes would refuse or silently ignore, a
    way in that the cluster's authentication mode does not read, and a principal of another partition or that this
    program lets in twice. An aws-auth mapping beside an access entry of the same principal, which wins, is reported.
    """

    group: pulumi.Output[str]
    role_name: pulumi.Output[str]
    binding_name: pulumi.Output[str]
    principal_arns: pulumi.Output[list[str]]
    """Each principal as it was mapped: without a role's path through aws-auth, with it through access entries."""

    def __init__(self, name: str, args: ClusterAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'ClusterAccess "{name}"', args, ClusterAccessArgs) as inputs:
            group = inputs.one_of(args["group"], "group", identities.group_to_bind)
            role = args["role"]
            kind = inputs.one_of(role.get("kind", "ClusterRole"), "role.kind", rbac.role_kind)
            inputs.one_of(role["name"], "role.name", names.rbac_name)
            binding_name = args.get("binding_name", f"{role['name']}-binding")
            inputs.one_of(binding_name, "binding_name", names.rbac_name)
            inputs.require(*_namespace_problems(kind, role.get("namespace")))
            written: list[dict[str, Any]] = [dict(rule) for rule in role["rules"]]
            rules = inputs.problems.take("role.rules", rbac.rules, written, namespaced=kind == "Role")
            via = inputs.one_of(args.get("via", Via.ACCESS_ENTRY), "via", Via.parse)
            people = _people(inputs, name, args, via)
            cluster = _readable(inputs, args["cluster"], via)
        assert group is not None
        assert rules is not None

        super().__init__("eks-identity:index:ClusterAccess", name, {}, opts)
        require_provider(self, "kubernetes", CLUSTER_PROVIDER)
        self._bind(name, role, rules, group, binding_name)
        let_in = self._map if via is Via.AWS_AUTH else partial(self._enter, inputs)
        arns = [let_in(f"{name}-{label}", cluster, person, args) for label, person in people.items()]
        self.principal_arns = pulumi.Output.all(*arns)
        self.group = pulumi.Output.from_input(group)
        self.role_name = pulumi.Output.from_input(role["name"])
        self.binding_name = pulumi.Output.from_input(binding_name)
        self.register_outputs(
            {
                "group": self.group,
                "role_name": self.role_name,
                "binding_name": self.binding_name,
                "principal_arns": self.principal_arns,
            }
        )

    def _map(
        self, name: str, cluster: ClusterConnection, person: PrincipalArgs, args: ClusterAccessArgs
    ) -> pulumi.Output[str]:
        mapping: AwsAuthMappingArgs = {
            "kubeconfig": cluster["kubeconfig"],
            "arn": person["arn"],
            "groups": [args["group"], *person.get("groups", [])],
            "adopt": args.get("adopt", False),
        }
        if "username" in person:
            mapping["username"] = person["username"]
        return AwsAuthMapping(name, mapping, pulumi.ResourceOptions(parent=self)).arn

    def _enter(
        self, inputs: Inputs, name: str, cluster: ClusterConnection, person: PrincipalArgs, args: ClusterAccessArgs
    ) -> pulumi.Output[str]:
        entry = inputs.later(_who(person, args), _entry)
        return aws.eks.AccessEntry(
            name,
            cluster_name=cluster["name"],
            principal_arn=entry.apply(lambda known: known.principal.arn),
            # The same name as through aws-auth, so that audit logs and bindings survive a change of way.
            user_name=entry.apply(lambda known: known.username or known.principal.default_username),
            kubernetes_groups=entry.apply(lambda known: list(known.kubernetes_groups)),
            type=EntryType.STANDARD.value,
            opts=pulumi.ResourceOptions(parent=self),
        ).principal_arn

    def _bind(self, name: str, role: RoleArgs, rules: Sequence[rbac.Rule], group: str, binding_name: str) -> None:
        kind = role.get("kind", "ClusterRole")
        role_type, binding_type = _TYPES[kind]
        namespace = role.get("namespace")
        child = pulumi.ResourceOptions(parent=self)
        made = role_type(
            f"{name}-role",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=role["name"], namespace=namespace),
            rules=[k8s.rbac.v1.PolicyRuleArgs(**_fields(rule)) for rule in rules],
            opts=child,
        )
        binding_type(
            f"{name}-binding",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=binding_name, namespace=namespace),
            role_ref=k8s.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind=kind, name=role["name"]),
            subjects=[k8s.rbac.v1.SubjectArgs(api_group=RBAC_GROUP, kind="Group", name=group)],
            # roleRef cannot be changed: another role's binding is another one, under the same name.
            opts=pulumi.ResourceOptions.merge(
                child, pulumi.ResourceOptions(depends_on=[made], delete_before_replace=True)
            ),
        )


RBAC_GROUP = "rbac.authorization.k8s.io"

_TYPES: dict[str, tuple[Callable[..., pulumi.Resource], Callable[..., pulumi.Resource]]] = {
    "ClusterRole": (k8s.rbac.v1.ClusterRole, k8s.rbac.v1.ClusterRoleBinding),
    "Role": (k8s.rbac.v1.Role, k8s.rbac.v1.RoleBinding),
}


def _fields(rule: rbac.Rule) -> dict[str, list[str]]:
    return {name: list(values) for name, values in asdict(rule).items() if values}


def _people(inputs: Inputs, name: str, args: ClusterAccessArgs, via: Via | None) -> dict[str, PrincipalArgs]:
    """The principals by a word for each in resource names, all of them checked."""
    people: dict[str, PrincipalArgs] = {}
    seen: dict[str, str] = {}
    for index, person in enumerate(args["principals"]):
        under, arn = f"principals[{index}]", person["arn"]
        who = _who(person, args)
        wrong = len(inputs.problems.found)
        inputs.take(under, who, _mapping if via is Via.AWS_AUTH else _entry)
        if isinstance(arn, str):
            if arn.lower() in seen:
                rule = "each principal once, whatever the case of its ARN"
                inputs.problems.add(f"{under}.arn", rule, arn, f"take {seen[arn.lower()]}.arn or this one out")
            seen.setdefault(arn.lower(), under)
        if via is not None and len(inputs.problems.found) == wrong:
            place = [args["cluster"]["arn"], arn]
            inputs.take(under, place, partial(_fits, f'{under} of ClusterAccess "{name}"', via))
        label = short(arn, index)
        people[f"{label}-{index}" if label in people else label] = person
    return people


def _who(person: PrincipalArgs, args: ClusterAccessArgs) -> dict[str, Any]:
    groups = [args["group"], *person.get("groups", [])]
    return {"arn": person["arn"], "groups": groups, "username": person.get("username")}


def _fits(place: str, via: Via, known: Sequence[str]) -> None:
    """Refuses a principal that can never enter this cluster, or that this program lets in twice."""
    cluster, principal = Arn.parse(known[0]), Principal.parse(known[1])
    if principal.partition != cluster.partition:
        rule = f"a cluster of partition {cluster.partition.name} knows principals of that partition"
        raise InvalidInput([Problem("arn", rule, principal.arn, "give a principal of the cluster's own partition")])
    first = declared.first(place, via, str(cluster), principal.aws_auth_arn.lower())
    if first != place:
        rule = f"a principal has one {via} mapping in a cluster, whatever the case of its ARN (EKS)"
        raise InvalidInput([Problem("arn", rule, principal.arn, f"take it out of {first} or of {place}")])
    other = Via.AWS_AUTH if via is Via.ACCESS_ENTRY else Via.ACCESS_ENTRY
    shadow = declared.earlier(other, str(cluster), principal.aws_auth_arn.lower())
    if shadow is not None:
        pulumi.log.warn(
            f"{principal.arn} is let in by {shadow} ({other}) and by {place} ({via}): EKS takes the access entry, and "
            "the aws-auth mapping does nothing; keep both for a migration only"
        )


def _mapping(who: dict[str, Any]) -> UserMapping:
    return UserMapping.of(who["arn"], who["groups"], who["username"])


def _entry(who: dict[str, Any]) -> AccessEntry:
    return AccessEntry.of(who["arn"], who["groups"], who["username"])


def _readable(inputs: Inputs, cluster: ClusterConnection, via: Via | None) -> ClusterConnection:
    """The connection, once it is known that the cluster reads this way in."""

    def check(known: tuple[str, str]) -> str:
        mode, value = known
        refusals = via.refusals(AuthenticationMode.parse(mode)) if via else []
        if refusals:
            raise InvalidInput(refusals)
        return value

    def readable(value: pulumi.Input[str]) -> pulumi.Output[str]:
        return inputs.later([cluster["authentication_mode"], value], lambda known: check((known[0], known[1])))

    if is_plain(cluster["authentication_mode"]):
        inputs.take("", cluster["authentication_mode"], lambda mode: check((mode, "")))
    return {**cluster, "name": readable(cluster["name"]), "kubeconfig": readable(cluster["kubeconfig"])}


def _namespace_problems(kind: str | None, namespace: str | None) -> list[Problem]:
    field = "role.namespace"
    if kind == "Role" and namespace is None:
        return [Problem(field, "a Role is in a namespace (Kubernetes)", None, "name it, or use kind ClusterRole")]
    if kind == "ClusterRole" and namespace is not None:
        rule = "a ClusterRole applies to the whole cluster (Kubernetes)"
        return [Problem(field, rule, namespace, "use kind Role for rights in one namespace")]
    problems = Problems()
    if namespace is not None:
        problems.take(field, names.namespace, namespace)
    return problems.found
