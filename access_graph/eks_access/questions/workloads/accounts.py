"""The links of the service account, its Pod Identity association and its annotation. An association wins."""

from __future__ import annotations

from difflib import get_close_matches

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Fix, Link
from eks_access.graph.aws_objects import PodIdentityAssociation, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.chain import read_or, resolved
from eks_access.questions.workloads.annotations import missing_annotation, value_link
from eks_access.questions.workloads.roles import trusting_roles
from eks_access.questions.workloads.workload import Identity, Method, Workload
from eks_identity.model.annotations import ROLE_ARN

SERVICE_ACCOUNT = "service account"
ASSOCIATION = "Pod Identity association"
ANNOTATION = "role annotation"


def service_account_link(workload: Workload) -> Link:
    """Return whether the cluster has the service account."""
    if workload.account() is not None:
        return Link.holds(SERVICE_ACCOUNT, workload.name)
    fix = _create(workload, needs_annotation=read_or(workload.association, None) is None)
    return Link.broken(SERVICE_ACCOUNT, missing_account(workload, fix))


def missing_account(workload: Workload, fix: Fix) -> Finding:
    """Return the finding of a service account that does not exist."""
    says = f"namespace {workload.namespace} has no service account {workload.service_account}"
    association = read_or(workload.association, None)
    if association is not None:
        says += f", which association {association.id} names"
    kind = kinds.SERVICE_ACCOUNT_MISSING if association is None else kinds.ASSOCIATED_SERVICE_ACCOUNT_MISSING
    return Finding(kind, workload.name, says, "an existing service account", fix)


def create_account(workload: Workload) -> Fix:
    """Return the command that creates the service account."""
    return commands.command("kubectl", "-n", workload.namespace, "create", "serviceaccount", workload.service_account)


def _create(workload: Workload, *, needs_annotation: bool) -> Fix:
    """Return the commands that create the service account, with the annotation of the only role that trusts it."""
    roles = read_or(lambda: trusting_roles(workload), ()) if needs_annotation else ()
    if needs_annotation and not roles and (similar := _similar_account(workload)):
        return commands.advice(f"trace the service account {similar}, or create {workload.service_account}")
    create = create_account(workload)
    if len(roles) != 1:
        return create
    return commands.together(create, workload.annotate(f"{ROLE_ARN}={roles[0]}"))


def _similar_account(workload: Workload) -> str:
    keys = read_or(lambda: [*workload.graph.service_accounts.all()], ())
    names = [name for namespace, name in keys if namespace == workload.namespace]
    return next(iter(get_close_matches(workload.service_account, names, n=1)), "")


def association_link(workload: Workload) -> Link | None:
    """Return the link of the association; None if the annotation decides."""
    try:
        association = workload.association()
    except NotReadError as error:
        return Link.not_evaluated(ASSOCIATION, str(error))
    if association is None:
        return None
    if isinstance(association.role_arn, Unknown):
        return Link.not_evaluated(ASSOCIATION, str(association.role_arn))
    says = f"{association.id} names {association.role_arn}"
    return Link.holds(ASSOCIATION, says, _overridden(workload, association))


def has_association(workload: Workload) -> bool:
    """Return whether the service account certainly has an association."""
    return read_or(workload.association, None) is not None


def _overridden(workload: Workload, association: PodIdentityAssociation) -> Finding | None:
    """Return the trap of an annotation that names another role, and has no effect."""
    account = read_or(workload.account, None)
    annotation = account.annotations.get(ROLE_ARN) if account is not None else None
    if annotation is None or isinstance(annotation, Unknown) or annotation == association.role_arn:
        return None
    fix = workload.annotate(f"{ROLE_ARN}-")
    says = f"annotation {ROLE_ARN}={annotation}, and association {association.id} with {association.role_arn}"
    return Finding(kinds.ANNOTATION_OVERRIDDEN, workload.name, says, "the association alone", fix)


def annotation_link(workload: Workload) -> Link:
    """Return whether the annotation names a role. The service account exists, and has no association."""
    account = workload.account()
    assert account is not None
    value = account.annotations.get(ROLE_ARN)
    if isinstance(value, Unknown):
        return Link.not_evaluated(ANNOTATION, str(value))
    if value is None:
        return missing_annotation(ANNOTATION, workload, account)
    return value_link(ANNOTATION, workload, value)


def find_identity(workload: Workload) -> Identity | None:
    """Return the role that the service account names; None if it names none. Associations that were not read are none.

    Raises `NotReadError` if a preview does not know the role.
    """
    association = read_or(workload.association, None)
    if association is not None:
        arn = resolved(association.role_arn, f"role of association {association.id}")
        return Identity(Method.POD_IDENTITY, arn, association)
    account = workload.account()
    value = account.annotations.get(ROLE_ARN) if account is not None else None
    return None if value is None else Identity(Method.IRSA, resolved(value, f"annotation {ROLE_ARN}"))
