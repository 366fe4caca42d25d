"""Rules on workloads: their roles, their service accounts, and the metadata service of their nodes."""

from __future__ import annotations

from collections.abc import Mapping

from eks_access.graph.aws_objects import Document, IamPrincipal, Unknown
from eks_access.questions.policies.trust import workload_trust
from eks_access.questions.policies.violations import (
    Found,
    RuleContext,
    Undecided,
    Violation,
    role_subject,
    unknown_objects,
)
from eks_access.questions.workloads.role_policies import managed_document
from eks_identity.evaluation.iam import Policy, Statement, matches
from eks_identity.model.annotations import ROLE_ARN

_ADMINISTRATION = frozenset({"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"})
"""AWS-managed policies with the permissions of an administrator: each leads to all others, or has them."""
_AWS_MANAGED = ":iam::aws:policy/"
_ADMIN_ACTIONS = ("*", "*:*", "iam:*")
_DEFAULT = "default"
ANY_BOUNDARY = "*"


def administrator(context: RuleContext) -> Found:
    """Yield roles of workloads with an administrator's policy.

    The other policies of AWS are read where the source has them. A role whose trust policy is not known is undecided if
    it has such a policy.
    """
    for role in context.graph.principals.all().values():
        if role.trust_policy is None:
            continue
        is_workload = workload_trust(role)
        if is_workload is False:
            continue
        for found in _administration(context, role):
            yield is_workload if isinstance(is_workload, Undecided) else found
    yield from unknown_objects(context.graph.principals)


def _administration(context: RuleContext, role: IamPrincipal) -> Found:
    subject = role_subject(role.arn)
    for arn in role.attached_policies:
        name = arn.rpartition("/")[2]
        if _AWS_MANAGED in arn and name in _ADMINISTRATION:
            yield Violation(subject, f"attached policy {name}")
            continue
        document = managed_document(context.graph, arn)
        if isinstance(document, Mapping):
            yield from _of_document(subject, f"attached policy {name}", document)
        elif _AWS_MANAGED not in arn:
            yield Undecided(f"{subject}, policy {name}", document)
    for name, inline in role.inline_policies.items():
        if isinstance(inline, Unknown):
            yield Undecided(subject, inline.reason)
        else:
            yield from _of_document(subject, f"inline policy {name}", inline)


def _of_document(subject: str, name: str, document: Document) -> Found:
    for statement in Policy.parse(document, name).statements:
        if statement.problems and statement.effect == "Allow":
            yield Undecided(subject, "; ".join(statement.problems))
        elif _is_administration(statement):
            actions = ", ".join(statement.actions or ("all but some actions",))
            yield Violation(subject, f"{name} allows {actions} on every resource")


def _is_administration(statement: Statement) -> bool:
    if statement.effect != "Allow" or statement.conditions:
        return False
    everywhere = statement.not_resources is not None or any(each.text == "*" for each in statement.resources or ())
    actions = statement.actions or ()
    return everywhere and (statement.not_actions is not None or any(each.lower() in _ADMIN_ACTIONS for each in actions))


def boundary(context: RuleContext) -> Found:
    """Yield roles of workloads without the required permissions boundary."""
    if context.boundary is None:
        return
    for role in context.graph.principals.all().values():
        if isinstance(role.boundary, str) and matches(context.boundary, role.boundary):
            continue
        is_workload = False if role.trust_policy is None else workload_trust(role)
        if isinstance(is_workload, Undecided):
            yield is_workload
        elif is_workload and isinstance(role.boundary, Unknown):
            yield Undecided(role_subject(role.arn), role.boundary.reason)
        elif is_workload:
            yield Violation(role_subject(role.arn), f"boundary {role.boundary}" if role.boundary else "no boundary")
    yield from unknown_objects(context.graph.principals)


def default_service_account(context: RuleContext) -> Found:
    """Yield default service accounts with a role."""
    for account in context.graph.service_accounts.all().values():
        if account.name == _DEFAULT and ROLE_ARN in account.annotations:
            yield Violation(f"service account {account}", f"annotation {ROLE_ARN}")
    for namespace, name in context.graph.associations.all():
        if name == _DEFAULT:
            yield Violation(f"service account {namespace}/{name}", "a Pod Identity association")
    yield from unknown_objects(context.graph.service_accounts)
    yield from unknown_objects(context.graph.associations)


def two_identities(context: RuleContext) -> Found:
    """Yield service accounts with a role annotation and an association."""
    associations = context.graph.associations.all()
    for key, account in context.graph.service_accounts.all().items():
        if ROLE_ARN in account.annotations and key in associations:
            yield Violation(f"service account {account}", f"annotation {ROLE_ARN} and a Pod Identity association")
    yield from unknown_objects(context.graph.service_accounts)
    yield from unknown_objects(context.graph.associations)


def metadata_service(context: RuleContext) -> Found:
    """Yield nodes whose metadata service answers pods: with a hop limit of 2 or more."""
    for node in context.graph.nodes.all().values():
        if node.is_fargate:
            continue
        if node.metadata_hop_limit is None:
            yield Undecided(f"node {node.name}", node.instance_not_read or "its hop limit was not read")
        elif node.metadata_hop_limit > 1:
            yield Violation(f"node {node.name}", f"hop limit {node.metadata_hop_limit}")
