"""ClusterAccess declarations: the principals of a cluster, and the bindings of their groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from eks_access.graph import AccessGraph
from eks_access.questions.adoption.declarations import (
    CLUSTER_ACCESS,
    Declaration,
    Names,
    NotAdopted,
    Reference,
)
from eks_access.questions.adoption.principals import AWS_AUTH, ENTRY, MappedPrincipal, Terms, mapped_principals
from eks_access.questions.adoption.rbac import GroupBindings, group_bindings
from eks_identity.model.access_entries import AuthenticationMode


def declare_access(graph: AccessGraph) -> tuple[list[Declaration], list[NotAdopted]]:
    """Return a declaration for each group with bindings, and one for each other set of equal terms."""
    found = list(mapped_principals(graph))
    principals = [each for each in found if isinstance(each, MappedPrincipal)]
    bindings, left_out = group_bindings(graph)
    left_out = [each for each in found if isinstance(each, NotAdopted)] + left_out
    method = AWS_AUTH if graph.authentication_mode() is AuthenticationMode.CONFIG_MAP else ENTRY
    names = Names()
    declarations = []
    for group in sorted(bindings):
        members = _largest([each for each in principals if each.groups == (group,)])
        principals = [each for each in principals if each not in members]
        terms = members[0].terms if members else Terms(method)
        declarations.append(_declaration(names.unique(group), terms, members, group, bindings[group]))
    by_terms: dict[Terms, list[MappedPrincipal]] = defaultdict(list)
    for each in principals:
        by_terms[each.terms].append(each)
    declarations += [
        _declaration(names.unique(_name(terms), f"{_name(terms)}-{terms.method}"), terms, members)
        for terms, members in by_terms.items()
    ]
    return declarations, left_out


def _largest(principals: Sequence[MappedPrincipal]) -> list[MappedPrincipal]:
    """Return the most principals with equal terms: one ClusterAccess has one access method and one list of policies."""
    by_terms: dict[Terms, list[MappedPrincipal]] = defaultdict(list)
    for each in principals:
        by_terms[each.terms].append(each)
    return max(by_terms.values(), key=len, default=[])


def _declaration(
    name: str,
    terms: Terms,
    principals: Sequence[MappedPrincipal],
    group: str | None = None,
    bindings: GroupBindings | None = None,
) -> Declaration:
    args = {
        "cluster": Reference("cluster.connection"),
        **({} if group is None else {"group": group}),
        **({} if bindings is None else {"rbac_roles": bindings.roles}),
        "principals": [each.args(group) for each in principals],
        **terms.args(),
    }
    objects = [each.object for each in principals] + (bindings.objects if bindings else [])
    return Declaration(CLUSTER_ACCESS, name, args, tuple(objects))


def _name(terms: Terms) -> str:
    """Return a name for principals without a bound group: by their policies, else by their access method."""
    policies = [each.arn.rpartition("/")[2].removeprefix("AmazonEKS").removesuffix("Policy") for each in terms.policies]
    return "-".join(policies).lower() or terms.method
