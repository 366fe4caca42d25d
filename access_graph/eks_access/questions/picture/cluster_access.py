"""The left part of the picture: IAM principals, their access entries and aws-auth mappings, and their groups.

The faults of mappings are the findings of `list`. A mapping also has the `system:` groups that EKS rejects, which the
trace of its principal reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Link
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.tables import NotReadError
from eks_access.questions import access_entry_link, aws_auth_link
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.mapping_findings import mapping_findings
from eks_access.questions.picture.drawing import Drawing
from eks_access.questions.picture.model import Column, NodeKind
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.cluster_rights import ClusterUser, user_by_entry
from eks_identity.model.arns import Principal, PrincipalKind, find_account
from eks_identity.model.aws_auth import Entry
from eks_identity.model.existing_entries import ExistingEntry

_KINDS = {PrincipalKind.USER: NodeKind.IAM_USER, PrincipalKind.ROLE: NodeKind.IAM_ROLE}
_CONFIG_MAP = "ConfigMap kube-system/aws-auth"


@dataclass(frozen=True)
class DrawnMapping:
    """A mapping in the picture, with the user that it gives its principal."""

    node: str
    arn: str
    """ARN of the principal; of mapAccounts, the id of the account."""
    user: ClusterUser
    is_effective: bool
    """Whether no link before it is broken."""


class ClusterAccessPart:
    """Draws principals and mappings."""

    def __init__(self, drawing: Drawing, mapped: ClusterMappings, now: datetime) -> None:
        self._drawing = drawing
        self._mapped = mapped
        self._findings: dict[str, list[Finding]] = {}
        for finding in mapping_findings(mapped, now):
            self._findings.setdefault(finding.subject, []).append(finding)

    def draw(self) -> list[DrawnMapping]:
        """Draw all mappings, and return them."""
        document = self._mapped.aws_auth.document
        for key in document.broken:
            for finding in self._findings.get(f"{key} of {_CONFIG_MAP}", ()):
                node = self._drawing.node(NodeKind.AWS_AUTH, Column.MAPPINGS, f"{key} of aws-auth", key=key)
                self._drawing.nothing(node, "no mapping is read", aws_auth_link.NAME, finding)
        entries = [self._entry(entry) for entry in self._mapped.entries.values()]
        in_aws_auth = [self._aws_auth(entry) for entry in document.entries]
        accounts = [self._account(account) for account in document.accounts if account is not None]
        return [*entries, *in_aws_auth, *accounts]

    def _entry(self, entry: ExistingEntry) -> DrawnMapping:
        details = (f"type {entry.type}", f"username {entry.username!r}", f"groups {list(entry.groups)}")
        node = self._drawing.node(
            NodeKind.ACCESS_ENTRY, Column.MAPPINGS, _name(entry.principal_arn), key=entry.principal_arn, details=details
        )
        faults = self._findings.get(access_entry_link.subject(entry), [])
        without_rights = [fault for fault in faults if fault.kind is kinds.NO_GROUPS_AND_POLICIES]
        faults = [fault for fault in faults if fault not in without_rights]
        is_effective = self._principal(entry.principal_arn, node, access_entry_link.NAME, faults)
        for fault in without_rights:
            self._drawing.nothing(node, "no group, no access policy", "groups", fault)
        principal = Principal.parse(entry.principal_arn)
        self._groups(node, entry.groups, self._system_groups(principal) if is_effective else None)
        return DrawnMapping(node, entry.principal_arn, user_by_entry(entry, principal), is_effective)

    def _system_groups(self, principal: Principal) -> Finding | None:
        """Return the finding of an access entry with groups that EKS rejects."""
        link = access_entry_link.access_entry_link(self._mapped.graph, principal).link
        finding = link.finding if link is not None else None
        return finding if finding is not None and finding.kind is kinds.ENTRY_SYSTEM_GROUP else None

    def _aws_auth(self, entry: Entry) -> DrawnMapping:
        details = (entry.location, f"username {entry.username!r}", f"groups {list(entry.groups)}")
        label = f"{entry.key}[{entry.index}] {_name(entry.arn)}".strip()
        node = self._drawing.node(NodeKind.AWS_AUTH, Column.MAPPINGS, label, key=entry.location, details=details)
        faults = [*self._findings.get(entry.location, ()), *self._findings.get(_CONFIG_MAP, ())]
        arn = self._mapped.with_path(entry.arn)
        is_effective = self._principal(arn or "no ARN", node, aws_auth_link.NAME, faults)
        self._groups(node, entry.groups)
        account = find_account(arn) or ""
        username = (entry.username or "").replace("{{AccountID}}", account)
        return DrawnMapping(node, arn, ClusterUser(username, entry.groups), is_effective)

    def _account(self, account: str) -> DrawnMapping:
        label = f"all of account {account}"
        details = ("each IAM user and role has its ARN as username, and no groups",)
        node = self._drawing.node(NodeKind.AWS_AUTH, Column.MAPPINGS, f"mapAccounts {account}", details=details)
        principal = self._drawing.node(NodeKind.IAM_PRINCIPAL, Column.PRINCIPALS, label)
        faults = self._findings.get(_CONFIG_MAP, [])
        links = [Link.broken(aws_auth_link.NAME, fault) for fault in faults]
        self._drawing.edge(principal, node, *links or [Link.holds(aws_auth_link.NAME, f"mapAccounts has {account}")])
        return DrawnMapping(node, account, ClusterUser(""), not faults)

    def _principal(self, arn: str, mapping: str, name: str, faults: list[Finding]) -> bool:
        """Draw a principal with its link to a mapping; return whether that link holds, as far as it was evaluated."""
        existing = self._mapped.principal(arn)
        is_read = not isinstance(existing, NotReadError)
        details = (arn, *_principal_details(existing))
        node = self._drawing.node(
            _kind(arn),
            Column.PRINCIPALS,
            _name(arn),
            key=arn,
            details=details,
            exists=existing is not None if is_read else None,
        )
        if faults:
            self._drawing.edge(node, mapping, *(Link.broken(name, fault) for fault in faults))
        elif isinstance(existing, NotReadError):
            self._drawing.edge(node, mapping, Link.not_evaluated(name, str(existing)))
        else:
            unused = next(iter(self._findings.get(arn, ())), None)
            self._drawing.edge(node, mapping, Link.holds(name, f"maps {arn}", unused))
        return not faults

    def _groups(self, mapping: str, groups: tuple[str, ...], fault: Finding | None = None) -> None:
        for group in groups:
            node = group_node(self._drawing, group)
            is_rejected = fault is not None and group.startswith("system:")
            link = Link.broken("groups", fault) if fault and is_rejected else Link.holds("groups", f"group {group}")
            self._drawing.edge(mapping, node, link)


def group_node(drawing: Drawing, name: str) -> str:
    """Draw a Kubernetes group, and return its id."""
    return drawing.node(NodeKind.GROUP, Column.SUBJECTS, name or "(empty name)")


def _name(arn: str) -> str:
    """Return the name in an ARN, without its path; other text as it is."""
    return arn.rpartition("/")[2] or arn


def _kind(arn: str) -> NodeKind:
    try:
        return _KINDS.get(Principal.parse(arn).kind, NodeKind.IAM_PRINCIPAL)
    except InvalidInput:
        return NodeKind.IAM_PRINCIPAL


def _principal_details(existing: IamPrincipal | NotReadError | None) -> Iterator[str]:
    if isinstance(existing, NotReadError):
        yield str(existing)
    elif existing is None:
        yield "IAM has no such principal"
    elif existing.last_used_at is not None:
        yield f"last used at {existing.last_used_at:%Y-%m-%d}"
