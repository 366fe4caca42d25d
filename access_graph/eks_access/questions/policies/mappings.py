"""Rules on access entries, aws-auth, and what a change removes from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date

from eks_access.graph import AccessGraph
from eks_access.graph.access_graph import is_of_former_principal
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import read_or
from eks_access.questions.cluster_mappings import without_path
from eks_access.questions.node_entries import NodeEntries, node_entries
from eks_access.questions.policies.violations import (
    AFTER_UPDATE,
    Found,
    RuleContext,
    Undecided,
    Violation,
    unknown_objects,
)
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterUser, Rights
from eks_identity.model.access_entries import EntryType
from eks_identity.model.expiry import EXPIRES_TAG, parse_expiry
from eks_identity.model.identities import MASTERS, NODE_GROUPS

_AWS_AUTH = "ConfigMap kube-system/aws-auth"
_DEFAULT_BINDING = (None, "cluster-admin")
"""The binding of system:masters that Kubernetes creates in every cluster."""


def masters_group(context: RuleContext) -> Found:
    """Yield mappings and bindings of the group system:masters."""
    config_map = context.aws_auth()
    for entry in config_map.document.entries:
        if MASTERS in entry.groups:
            yield Violation(f"mapping of {entry.arn} in aws-auth", f"groups {list(entry.groups)}")
    for key, binding in context.graph.rbac_bindings.all().items():
        names = [each.name for each in binding.subjects if each.kind == "Group"]
        if MASTERS in names and key != _DEFAULT_BINDING:
            yield Violation(str(binding), f"group {MASTERS}")
    yield from _unknown_mappings(config_map)
    yield from unknown_objects(context.graph.rbac_bindings)


def expired(context: RuleContext) -> Found:
    """Yield access entries whose tag has a date in the past."""
    for entry in context.graph.entries.all().values():
        last_day = expiry_of(entry.tags)
        if isinstance(last_day, date) and last_day < context.today:
            yield Violation(f"access entry of {entry.principal_arn}", f"expired after {last_day}")
        elif isinstance(last_day, str):
            yield Undecided(f"access entry of {entry.principal_arn}", f"the tag {EXPIRES_TAG} is no date: {last_day}")
    yield from unknown_objects(context.graph.entries)


def expiry_of(tags: Mapping[str, str]) -> date | str | None:
    """Return the last day of an access entry, None if it has none, or the tag's value if that is no date."""
    value = tags.get(EXPIRES_TAG)
    if value is None:
        return None
    try:
        return parse_expiry(value)
    except InvalidInput:
        return value


def entry_of_replaced_principal(context: RuleContext) -> Found:
    """Yield access entries that are older than their principal. One of another stack is not judged."""
    for entry in context.graph.entries.all().values():
        subject = f"access entry of {entry.principal_arn}"
        try:
            principal = context.graph.principals.get(entry.principal_arn)
        except NotReadError as error:
            if not context.is_of_stack or AFTER_UPDATE in str(error):
                yield Undecided(subject, str(error))
            continue
        if is_of_former_principal(entry, principal):
            yield Violation(subject, f"created at {entry.created_at}, before its principal")
    yield from unknown_objects(context.graph.entries)


def last_administrator(context: RuleContext) -> Found:
    """Yield the cluster if no administrator remains.

    A stack is judged by what it removes: it must have declared one before. A living cluster must have one.
    """
    remaining = set(_administrators(context.graph, context.aws_auth()))
    if remaining:
        return
    former: set[str] = set()
    if context.before is not None:
        former = set(_administrators(context.before, _aws_auth(context.before)))
    if not former and (context.is_of_stack or context.before is not None):
        return
    removed = f", removed: {', '.join(sorted(former))}" if former else ""
    yield from _unless_unknown(context, Violation("the cluster", f"no administrator{removed}"))


def _administrators(graph: AccessGraph, config_map: AwsAuthConfigMap) -> Iterator[str]:
    """Yield the ARNs of administrators, without a role's path."""
    for arn, user in _users(graph, config_map):
        if Rights(user, lambda: graph.cluster_rbac, lambda: graph.namespaced_rbac).is_administrator:
            yield arn


def _users(graph: AccessGraph, config_map: AwsAuthConfigMap) -> Iterator[tuple[str, ClusterUser]]:
    for entry in graph.entries.all().values():
        yield without_path(entry.principal_arn), ClusterUser(entry.username, entry.groups, entry.policies)
    for mapping in config_map.document.entries:
        yield mapping.arn, ClusterUser(mapping.username or "", mapping.groups)


def node_role(context: RuleContext) -> Found:
    """Yield node roles that lose their access and stay: the nodes of a deleted role are gone too."""
    if context.before is None:
        return
    remaining = set(_node_roles(context.graph, context.aws_auth()))
    entries_of_eks = read_or(lambda: node_entries(context.graph), NodeEntries())
    for arn in set(_node_roles(context.before, _aws_auth(context.before))) - remaining:
        if arn in entries_of_eks or (_exists(context.before, arn) and not _exists(context.graph, arn)):
            continue
        yield from _unless_unknown(context, Violation(f"node role {arn}", "no access entry and no mapping"))


def _node_roles(graph: AccessGraph, config_map: AwsAuthConfigMap) -> Iterator[str]:
    for entry in graph.entries.all().values():
        if entry.type != EntryType.STANDARD:
            yield without_path(entry.principal_arn)
    for mapping in config_map.document.entries:
        if NODE_GROUPS & set(mapping.groups):
            yield mapping.arn


def _exists(graph: AccessGraph, arn: str) -> bool:
    """Return whether the graph declares a principal, or has one of which it does not know everything."""
    declared = (*graph.principals.all(), *(key for key, why in graph.principals.exceptions.items() if why))
    return arn in map(without_path, declared)


def user_outside_iam(context: RuleContext) -> Found:
    """Yield users of bindings that no mapping names. The mappings of other stacks are not known to a stack."""
    config_map = context.aws_auth()
    usernames = {entry.username for entry in context.graph.entries.all().values()}
    usernames |= {mapping.username or "" for mapping in config_map.document.entries}
    templates = tuple(name.partition("{{")[0] for name in usernames if "{{" in name)
    gaps = context.graph.entries.gaps or config_map.gaps
    for binding in context.graph.rbac_bindings.all().values():
        for user in (each.name for each in binding.subjects if each.kind == "User"):
            if user in usernames or user.startswith(("system:", "eks:", *filter(None, templates))):
                continue
            if gaps is None:
                yield Violation(str(binding), f"user {user}")
            else:
                yield Undecided(f"{binding}, user {user}", f"access entries and mappings may be {gaps.reason}")


def _aws_auth(graph: AccessGraph) -> AwsAuthConfigMap:
    with suppress(NotReadError):
        return graph.aws_auth.get()
    return AwsAuthConfigMap()


def _unless_unknown(context: RuleContext, violation: Violation) -> Found:
    """Yield a violation, or the entries and mappings that may correct it, because they are not known."""
    unknown = [*unknown_objects(context.graph.entries), *_unknown_mappings(context.aws_auth())]
    if unknown:
        yield from unknown
    else:
        yield violation


def _unknown_mappings(config_map: AwsAuthConfigMap) -> Iterator[Undecided]:
    yield from (Undecided(_AWS_AUTH, each.reason) for each in config_map.unread)
