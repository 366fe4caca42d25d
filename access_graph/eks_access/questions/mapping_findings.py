"""Findings about access entries and aws-auth: duplicate, shadowed, dead, dangling, unused and malformed mappings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

from eks_access.catalogue import cluster_access as kinds
from eks_access.catalogue.policies import ACCESS_EXPIRED
from eks_access.findings import Finding, FindingKind, Fix, Severity
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.questions import commands
from eks_access.questions.access_entry_link import subject
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.policies.mappings import expiry_of
from eks_identity.errors import InvalidInput
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import Entry, UserMapping
from eks_identity.model.existing_entries import ExistingEntry

UNUSED_DAYS = 90
"""Days without a use after which a role counts as unused. IAM records the uses of the last 400 days."""


def mapping_findings(mapped: ClusterMappings, now: datetime) -> Iterator[Finding]:
    """Yield the findings about all mappings."""
    for entry in mapped.entries.values():
        found = _fault_of_entry(mapped, entry)
        if found is not None:
            yield found
        yield from expired_findings(mapped.graph, entry, now.date())
    yield from _aws_auth_findings(mapped) if mapped.mode.reads_aws_auth else _ignored_aws_auth(mapped)
    for arn in mapped.arns():
        yield from _unused(mapped, arn, now - timedelta(days=UNUSED_DAYS))


def _fault_of_entry(mapped: ClusterMappings, entry: ExistingEntry) -> Finding | None:
    cluster = mapped.graph.cluster.get()
    fix = commands.delete_access_entry(cluster, entry.principal_arn)
    if mapped.principal(entry.principal_arn) is None:
        kind, should = kinds.MAPPING_OF_DELETED_PRINCIPAL, "an entry of an existing principal, or none"
        return Finding(kind, subject(entry), entry.principal_arn, should, fix)
    if mapped.is_dead(entry):
        says, should = f"created at {entry.created_at}", "an entry that was created after its principal"
        fix = commands.recreate_access_entry(cluster, entry, entry.principal_arn)
        return Finding(kinds.ENTRY_OF_DELETED_PRINCIPAL, subject(entry), says, should, fix)
    if entry.type == EntryType.STANDARD and not entry.groups and not entry.policies:
        says, should = "no groups and no access policies", "a group or an access policy, or no entry"
        return Finding(kinds.NO_GROUPS_AND_POLICIES, subject(entry), says, should, fix)
    return None


def expired_findings(graph: AccessGraph, entry: ExistingEntry, today: date) -> Iterator[Finding]:
    """Yield the finding of an access entry whose last day has passed."""
    last_day = expiry_of(entry.tags)
    if isinstance(last_day, date) and last_day < today:
        fix = commands.delete_access_entry(graph.cluster.get(), entry.principal_arn)
        says, should = f"ended after {last_day}", "no entry, or a later date in the tag"
        yield Finding(ACCESS_EXPIRED.kind, subject(entry), says, should, fix)


def _aws_auth_findings(mapped: ClusterMappings) -> Iterator[Finding]:
    document = mapped.aws_auth.document
    for key, reason in document.broken.items():
        where = f"{key} of ConfigMap kube-system/aws-auth"
        fix = commands.advice(f"correct the YAML of {key} in `kubectl -n kube-system edit configmap aws-auth`")
        yield Finding(kinds.AWS_AUTH_UNREADABLE, where, reason.partition("\n")[0], "a YAML list of mappings", fix)
    for entry in document.entries:
        found = _duplicate(mapped, entry) or _fault_of_arn(mapped, entry)
        if found is not None:
            kind, should = found
            says = f"{entry.arn or 'no ARN'}: username {entry.username!r}, groups {list(entry.groups)}"
            yield Finding(kind, entry.location, says, should, _fix(mapped, entry, kind, should))


def _fix(mapped: ClusterMappings, entry: Entry, kind: FindingKind, should: str) -> Fix:
    """Return the command that corrects an entry, or removes one that has no effect."""
    if kind is kinds.AWS_AUTH_MALFORMED_ENTRY:
        return commands.advice(f"correct {entry.location}: `kubectl -n kube-system edit configmap aws-auth`")
    document = mapped.aws_auth.document.without(entry)
    if kind is kinds.AWS_AUTH_ROLE_PATH:
        # Adding raises for a role that another entry maps already.
        with suppress(InvalidInput):
            document = document.add(UserMapping(should, entry.username or "", entry.groups))
    return commands.write_aws_auth(mapped.aws_auth, document)


def _duplicate(mapped: ClusterMappings, entry: Entry) -> tuple[FindingKind, str] | None:
    """Return the fault of an entry that another one replaces, or of which a part is not read."""
    effective = mapped.aws_auth.document.effective_entry(entry.arn)
    if effective is not None and effective is not entry:
        return kinds.AWS_AUTH_DUPLICATE, f"one entry of the ARN: the authenticator uses {effective.location}"
    if entry.ignored or not entry.arn:
        return kinds.AWS_AUTH_MALFORMED_ENTRY, "; ".join(entry.ignored) or "an entry with an ARN"
    return None


def _fault_of_arn(mapped: ClusterMappings, entry: Entry) -> tuple[FindingKind, str] | None:
    """Return the fault of an entry whose ARN matches no principal, or one with an access entry."""
    try:
        principal = Principal.parse(entry.arn)
    except InvalidInput as error:
        kind = kinds.AWS_AUTH_SESSION if ":sts:" in entry.arn else kinds.AWS_AUTH_IAM_GROUP
        return None if entry.is_of_federated_user else (kind, error.problems[0].fix)
    if principal.aws_auth_arn.lower() != entry.arn.lower():
        return kinds.AWS_AUTH_ROLE_PATH, principal.aws_auth_arn
    full = mapped.with_path(entry.arn)
    if mapped.principal(full) is None:
        return kinds.MAPPING_OF_DELETED_PRINCIPAL, "a mapping of an existing principal, or none"
    if full in mapped.entries and not mapped.is_dead(mapped.entries[full]):
        return kinds.MAPPING_SHADOWED, "one mapping of the principal: its access entry"
    return None


def _ignored_aws_auth(mapped: ClusterMappings) -> Iterator[Finding]:
    entries = mapped.aws_auth.document.entries
    if entries:
        fix = commands.command("kubectl", "-n", "kube-system", "delete", "configmap", "aws-auth")
        says = f"{len(entries)} entries, which the authentication mode {mapped.mode} ignores"
        # The trace of a principal that is mapped nowhere else has the same kind with its own severity.
        kind = replace(kinds.AWS_AUTH_IGNORED, severity=Severity.LOW)
        yield Finding(kind, "ConfigMap kube-system/aws-auth", says, "no ConfigMap aws-auth", fix)


def _unused(mapped: ClusterMappings, arn: str, limit: datetime) -> Iterator[Finding]:
    """Yield the finding of a role without use since `limit`. IAM has no such time for users."""
    principal = mapped.principal(arn)
    if not isinstance(principal, IamPrincipal) or principal.trust_policy is None:
        return
    is_new = principal.created_at is None or principal.created_at > limit
    if is_new or (principal.last_used_at is not None and principal.last_used_at > limit):
        return
    says = f"last used at {principal.last_used_at}" if principal.last_used_at else "not used in the last 400 days"
    fix = commands.advice(f"remove the mapping of {arn}, or delete the role, if nothing needs it")
    yield Finding(kinds.UNUSED_ROLE, arn, says, f"a use in the last {UNUSED_DAYS} days", fix)
