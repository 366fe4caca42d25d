"""Mappings in aws-auth that were meant for a principal but name another ARN."""

from __future__ import annotations

import difflib

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, FindingKind
from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.mapped_users import is_same_identity
from eks_identity.errors import InvalidInput
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.aws_auth import Entry, UserMapping
from eks_identity.model.lockout import Caller, same_principal

_SIMILARITY = 0.93
"""Share of equal characters from which another ARN counts as a misspelt one: one or two characters differ."""


def similar_mapping(graph: AccessGraph, config_map: AwsAuthConfigMap, principal: Principal) -> Finding | None:
    """Return the finding of a mapping that was meant for the principal."""
    for entry in config_map.document.entries:
        kind = _kind(graph, principal, entry)
        if kind is None:
            continue
        # The mapping of an IAM group may be meant for other members too.
        keeps_entry = kind is kinds.AWS_AUTH_IAM_GROUP
        document = config_map.document if keeps_entry else config_map.document.without(entry)
        username = entry.username or principal.default_username
        mapping = UserMapping(principal.aws_auth_arn, username, entry.groups)
        fix = commands.write_aws_auth(config_map, document.add(mapping))
        return Finding(kind, entry.location, entry.arn, principal.aws_auth_arn, fix)
    return None


def _kind(graph: AccessGraph, principal: Principal, entry: Entry) -> FindingKind | None:
    """Return why the mapping does not match the principal; None if it was not meant for it."""
    try:
        other = Principal.parse(entry.arn)
    except InvalidInput:
        if _is_session_of(principal, entry.arn):
            return kinds.AWS_AUTH_SESSION
        return kinds.AWS_AUTH_IAM_GROUP if _is_group_of(graph, principal, entry.arn) else None
    if same_principal(other, principal):
        return kinds.AWS_AUTH_ROLE_PATH if principal.kind is PrincipalKind.ROLE else kinds.AWS_AUTH_OTHER_ARN
    if is_same_identity(principal, entry.arn):
        kind = kinds.FORMER_PERMISSION_SET_ROLE
    elif other.kind is principal.kind and _is_similar(entry.arn, principal.aws_auth_arn):
        kind = kinds.AWS_AUTH_OTHER_ARN
    else:
        return None
    return None if _exists(graph, other) else kind


def _is_similar(one: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio() >= _SIMILARITY


def _is_session_of(principal: Principal, arn: str) -> bool:
    try:
        caller = Caller.of(arn) if ":sts:" in arn else None
    except InvalidInput:
        return False
    return caller is not None and same_principal(caller.principal, principal)


def _is_group_of(graph: AccessGraph, principal: Principal, arn: str) -> bool:
    """Return whether an ARN is of an IAM group that has the user as a member."""
    try:
        resource = Arn.parse(arn).resource
        user = graph.principals.get(principal.arn) if resource.startswith("group/") else None
    except (InvalidInput, NotReadError):
        return False
    return user is not None and resource.rpartition("/")[2] in user.groups


def _exists(graph: AccessGraph, principal: Principal) -> bool:
    """Return whether IAM has a principal, or may have it in an account that was not read."""
    try:
        arns = graph.principals.all()
    except NotReadError:
        return principal.account == graph.cluster.get().account
    return any(same_principal(principal, Principal.parse(arn)) for arn in arns)
