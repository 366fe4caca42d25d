"""The link of the aws-auth mapping: the authenticator ignores a role's path, and the last entry of an ARN wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Fix, Link
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.grants import group_with_access
from eks_access.questions.mapped_users import MappedUser
from eks_access.questions.permissions import is_allowed
from eks_access.questions.similar_mappings import similar_mapping
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterUser, user_by_aws_auth
from eks_identity.evaluation.rbac import Request
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN, access_policy_arn
from eks_identity.model.arns import Principal, PrincipalKind
from eks_identity.model.aws_auth import ROLES, USERS, AwsAuth, Entry, UserMapping
from eks_identity.model.equivalent_entries import convert_entry
from eks_identity.model.existing_entries import AssociatedPolicy

NAME = "aws-auth mapping"


def aws_auth_link(graph: AccessGraph, principal: Principal, request: Request, session: str = "") -> MappedUser:
    """Return the link of the principal's mapping in aws-auth, or of one that was meant for it."""
    try:
        config_map = graph.aws_auth.get()
    except NotReadError as error:
        return MappedUser(Link.not_evaluated(NAME, str(error)))
    document = config_map.document
    user = user_by_aws_auth(document, principal, session)
    entry = document.effective_entry(principal.aws_auth_arn)
    if user is None:
        not_read = config_map.not_read(principal.aws_auth_arn)
        if not_read is not None:
            return MappedUser(Link.not_evaluated(NAME, str(not_read)))
        broken = _unreadable(document, principal) or similar_mapping(graph, config_map, principal)
        return MappedUser(None if broken is None else Link.broken(NAME, broken))
    if entry is None:
        return MappedUser(Link.holds(NAME, f"mapAccounts has {principal.account}: {user}"), user)
    try:
        is_denied = not is_allowed(graph, user, request)
    except NotReadError:
        is_denied = False  # the link of the authorization says so
    broken = _entry_finding(graph, config_map, principal, entry, request) if is_denied else None
    if broken is not None:
        return MappedUser(Link.broken(NAME, broken))
    return MappedUser(Link.holds(NAME, f"{entry.location}: {user}"), user, notes=tuple(_notes(document, entry)))


def _unreadable(document: AwsAuth, principal: Principal) -> Finding | None:
    key = ROLES if principal.kind is PrincipalKind.ROLE else USERS
    if key not in document.broken:
        return None
    reason = document.broken[key].partition("\n  fix: ")[0]
    should = "a YAML list of mappings"
    fix = commands.advice(f"correct the YAML of {key} in `kubectl -n kube-system edit configmap aws-auth`")
    return Finding(kinds.AWS_AUTH_UNREADABLE, f"{key} of ConfigMap kube-system/aws-auth", reason, should, fix)


def _entry_finding(
    graph: AccessGraph, config_map: AwsAuthConfigMap, principal: Principal, entry: Entry, request: Request
) -> Finding | None:
    """Return the fault of the effective entry, whose user is denied the request."""
    document = config_map.document
    for other in document.find(entry.arn)[:-1]:
        user = ClusterUser(other.username or "", other.groups)
        if is_allowed(graph, user, request):
            groups = tuple(dict.fromkeys((*other.groups, *entry.groups)))
            says = f"groups {list(entry.groups)}; {other.location} has {list(other.groups)}, and has no effect"
            fix = _write(config_map, principal, entry, groups)
            return Finding(kinds.AWS_AUTH_DUPLICATE, entry.location, says, f"one entry with groups {list(groups)}", fix)
    if entry.ignored or entry.username is None:
        groups = _intended_groups(document, entry) or tuple(filter(None, [group_with_access(graph, request)]))
        rules = "; ".join(entry.ignored) or "must have a username, a non-empty string"
        says = f"username {entry.username!r}, groups {list(entry.groups)}"
        fix = _write(config_map, principal, entry, groups)
        return Finding(kinds.AWS_AUTH_MALFORMED_ENTRY, entry.location, says, rules, fix)
    return None


def _write(config_map: AwsAuthConfigMap, principal: Principal, entry: Entry, groups: tuple[str, ...]) -> Fix:
    """Return the command that leaves one entry of the principal, with these groups."""
    document = config_map.document
    for existing in document.find(principal.aws_auth_arn):
        document = document.without(document.find(existing.arn)[-1])
    username = entry.username or principal.default_username
    return commands.write_aws_auth(config_map, document.add(UserMapping(principal.aws_auth_arn, username, groups)))


def _intended_groups(document: AwsAuth, entry: Entry) -> tuple[str, ...]:
    """Return the groups of an entry whose `groups` is one string, or has strings among other values."""
    try:
        item: Any = yaml.safe_load(document.data[entry.key])[entry.index]
    except (yaml.YAMLError, LookupError, TypeError):
        return ()
    groups = item.get("groups") if isinstance(item, dict) else None
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return tuple(group for group in listed if isinstance(group, str) and group)


def _notes(document: AwsAuth, entry: Entry) -> Iterator[str]:
    """Yield faults of the entry that do not change the answer."""
    for other in document.find(entry.arn)[:-1]:
        yield f"{other.location} has the same ARN and has no effect: {entry.location} is the last one"
    if entry.username is None:
        yield f"{entry.location} has no username: the user's name is empty in audit logs"


def shadowed_by_entry(graph: AccessGraph, principal: Principal) -> list[str]:
    """Return a note if aws-auth also maps a principal that an access entry authenticates."""
    try:
        mapping = graph.aws_auth.get().document.effective_entry(principal.aws_auth_arn)
    except NotReadError:
        return []
    return [] if mapping is None else [f"{mapping.location} has no effect: the access entry decides"]


def ignored_mapping(graph: AccessGraph, principal: Principal, mode: AuthenticationMode) -> Finding | None:
    """Return the finding of a mapping that the authentication mode ignores."""
    if mode.reads_aws_auth:
        return None
    try:
        entry = graph.aws_auth.get().document.effective_entry(principal.aws_auth_arn)
        if entry is None:
            return None
        equivalent = convert_entry(entry, principal.arn, account=graph.cluster.get().account)
    except (NotReadError, InvalidInput):
        return None
    cluster, spec = graph.cluster.get(), equivalent.entry
    fix = commands.create_access_entry(cluster, principal.arn, spec.username, spec.kubernetes_groups)
    if equivalent.administrator:
        admin = AssociatedPolicy(access_policy_arn(principal.partition, CLUSTER_ADMIN))
        fix = commands.together(fix, commands.associate_access_policy(cluster, principal.arn, admin))
    says = f"{entry.location}, which authentication mode {mode} ignores"
    return Finding(kinds.AWS_AUTH_IGNORED, principal.arn, says, f"an access entry: {equivalent}", fix)
