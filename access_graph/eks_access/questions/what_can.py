"""The question "what can this principal or service account do?", in the cluster and in AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eks_access.graph import AccessGraph
from eks_access.questions.aws.what_can_in_aws import AwsPermissions, of_principal, of_service_account
from eks_access.questions.cluster_subjects import Subject, SubjectKind, cluster_users, named_subject, subjects
from eks_access.questions.permission_words import Permission, permissions
from eks_identity.evaluation.rbac import AUTHENTICATED, Grant
from eks_identity.model.subjects import Subject as ServiceAccountSubject


@dataclass(frozen=True)
class WhatCan:
    """The permissions of one subject."""

    subject: str
    identity: str
    """The Kubernetes user and groups in words; empty if the cluster does not authenticate the subject."""
    in_cluster: tuple[Permission, ...]
    by_everybody: tuple[Permission, ...]
    """Permissions that it has as a member of groups that Kubernetes itself adds, such as system:authenticated."""
    aws_identity: str = ""
    """The principal or role in AWS with the path to it; empty if it has none."""
    in_aws: tuple[Permission, ...] = ()
    """What its policies allow within the permissions boundary and the session policy."""
    denied_in_aws: tuple[Permission, ...] = ()
    """What its policies deny, whether or not they allow it elsewhere."""
    aws_notes: tuple[str, ...] = ()
    """What of its permissions in AWS is not evaluated, or not visible."""


def what_can_principal(graph: AccessGraph, arn: str) -> WhatCan:
    """Return what an IAM principal can do. Raises `NotReadError` if bindings are not read."""
    in_aws = of_principal(graph, arn)
    users = cluster_users(graph)
    user = users.get(arn)
    if user is None:
        return _with(WhatCan(arn, "", (), ()), in_aws)
    found = subjects(graph, users)
    own = found.get(Subject(SubjectKind.PRINCIPAL, arn), ())
    return _with(WhatCan(arn, str(user), permissions(own), _of_groups(found, (AUTHENTICATED,))), in_aws)


def what_can_service_account(graph: AccessGraph, namespace: str, name: str) -> WhatCan:
    """Return what the pods of a service account can do."""
    username = str(ServiceAccountSubject(namespace, name))
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    found = subjects(graph, cluster_users(graph))
    subject = named_subject("User", username)
    own = (*found.get(subject, ()), *(grant for group in groups for grant in _grants_of(found, group)))
    identity = f"username {username!r}, groups {[*groups, AUTHENTICATED]}"
    answer = WhatCan(str(subject), identity, permissions(own), _of_groups(found, (AUTHENTICATED,)))
    return _with(answer, of_service_account(graph, namespace, name))


def _with(answer: WhatCan, in_aws: AwsPermissions) -> WhatCan:
    return replace(
        answer,
        aws_identity=in_aws.identity,
        in_aws=in_aws.allowed,
        denied_in_aws=in_aws.denied,
        aws_notes=in_aws.notes,
    )


def _of_groups(found: dict[Subject, tuple[Grant, ...]], groups: tuple[str, ...]) -> tuple[Permission, ...]:
    return permissions(grant for group in groups for grant in _grants_of(found, group))


def _grants_of(found: dict[Subject, tuple[Grant, ...]], group: str) -> tuple[Grant, ...]:
    return found.get(Subject(SubjectKind.GROUP, group), ())
