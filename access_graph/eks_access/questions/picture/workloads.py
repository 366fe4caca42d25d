"""The right part of the picture: pods, service accounts, their annotation or association, IAM roles and OIDC providers.

The links are those of `trace serviceaccount` and `trace pod`. A service account without a sign of an AWS role has no
chain to trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Link, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import ObjectKey, Pod, ServiceAccount
from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import Chain, read_or
from eks_access.questions.picture.drawing import Drawing
from eks_access.questions.picture.model import Column, NodeKind
from eks_access.questions.picture.workload_nodes import account_link, draw_account, draw_role
from eks_access.questions.trace_workload import TARGET_ROLE, TRUST, trace_service_account
from eks_access.questions.workloads import accounts, pods, providers, roles
from eks_access.questions.workloads.workload import Identity, Method, Workload, is_role
from eks_identity.model.annotations import ROLE_ARN

_MOST_OWNERS = 6
"""Number of nodes for the pods of one service account; more are one node with their number."""
_IDENTITY_LINKS = (accounts.SERVICE_ACCOUNT, accounts.ASSOCIATION, accounts.ANNOTATION)
_ROLE_LINKS = (pods.AGENT, roles.ROLE, TRUST)
_TARGET_LINKS = (TARGET_ROLE, f"trust policy of the {TARGET_ROLE}", f"permission to assume the {TARGET_ROLE}")


@dataclass
class WorkloadsPart:
    """Draws workload identity."""

    drawing: Drawing
    graph: AccessGraph

    def draw(self, bound_accounts: set[ObjectKey]) -> None:
        """Draw the service accounts with a role, and the pods of these and of the bound ones."""
        drawing, graph = self.drawing, self.graph
        existing = drawing.read(Column.SUBJECTS, "service accounts", graph.service_accounts.all) or {}
        associated = drawing.read(Column.BINDINGS, "Pod Identity associations", graph.associations.all) or {}
        by_account = _by_account(drawing.read(Column.MAPPINGS, "pods", graph.pods.all) or {})
        without_account = by_account.keys() - existing.keys() if existing else set()
        drawn = {*bound_accounts, *without_account}
        for key in sorted({*_candidates(existing, by_account), *associated}):
            if self._draw_chain(key):
                drawn.add(key)
        for key in sorted(drawn):
            self._draw_pods(key, by_account.get(key, []))
        others = len(existing.keys() - drawn)
        if others:
            drawing.notes.append(
                f"service accounts without an AWS role and without a binding are not drawn ({others}): their pods have "
                "the role of their node, if they reach the metadata service (IMDS)"
            )

    def _draw_chain(self, key: ObjectKey) -> bool:
        """Draw the chain of a service account; return False if it has no sign of a role."""
        traced = trace_service_account(self.graph, *key)
        links = {link.name: link for link in traced.links}
        annotation = links.get(accounts.ANNOTATION)
        finding = annotation.finding if annotation is not None else None
        if finding is not None and finding.kind is kinds.NO_WORKLOAD_IDENTITY:
            return False
        workload = Workload(self.graph, *key)
        account = draw_account(self.drawing, self.graph, key)
        node = self._draw_reference(workload, finding.says if finding is not None else "")
        self.drawing.edge(account, node, *(links[name] for name in _IDENTITY_LINKS if name in links))
        try:
            identity = accounts.find_identity(workload)
        except NotReadError as error:
            self.drawing.not_read(node, "role", str(error), column=Column.ROLES)
            return True
        if identity is not None and is_role(identity.role_arn):
            self._draw_role(workload, identity, node, links)
        return True

    def _draw_reference(self, workload: Workload, fault: str) -> str:
        """Draw the association or the annotation of a service account."""
        association = read_or(workload.association, None)
        key, namespace = "/".join(workload.key), workload.namespace
        if association is not None:
            kind, details = NodeKind.ASSOCIATION, tuple(_association_details(association))
            label = association.id or "id is not known"
            return self.drawing.node(kind, Column.BINDINGS, label, key=key, namespace=namespace, details=details)
        account = read_or(workload.account, None)
        value = None if account is None else account.annotations.get(ROLE_ARN)
        label = fault if value is None else "not known" if isinstance(value, Unknown) else value.rpartition("/")[2]
        details = (fault,) if value is None else (f"{ROLE_ARN}: {value}",)
        kind = NodeKind.ANNOTATION
        return self.drawing.node(kind, Column.BINDINGS, label, key=key, namespace=namespace, details=details)

    def _draw_role(self, workload: Workload, identity: Identity, reference: str, links: Mapping[str, Link]) -> None:
        role = draw_role(self.drawing, self.graph, identity.role_arn, Column.ROLES)
        self.drawing.edge(reference, role, *(links[name] for name in _ROLE_LINKS if name in links))
        if providers.PROVIDER in links:
            self._draw_provider(workload, identity, role, links[providers.PROVIDER])
        target_links = [links[name] for name in _TARGET_LINKS if name in links]
        if not target_links:
            return
        try:
            target = identity.target_role_arn
        except NotReadError as error:
            self.drawing.not_read(role, TARGET_ROLE, str(error))
            return
        if target is not None:
            self.drawing.edge(role, draw_role(self.drawing, self.graph, target, Column.TARGET_ROLES), *target_links)

    def _draw_provider(self, workload: Workload, identity: Identity, role: str, link: Link) -> None:
        try:
            arn = providers.provider_arn(workload, identity)
        except NotReadError as error:
            self.drawing.not_read(role, providers.PROVIDER, str(error), column=Column.POLICIES)
            return
        exists = read_or(lambda: self.graph.oidc_providers.get(arn) is not None, None)
        label = arn.rpartition("/")[2]
        node = self.drawing.node(NodeKind.OIDC_PROVIDER, Column.POLICIES, label, key=arn, details=(arn,), exists=exists)
        self.drawing.edge(role, node, link)

    def _draw_pods(self, key: ObjectKey, own: list[Pod]) -> None:
        """Draw the pods of a service account, those of one owner as one node."""
        by_owner: dict[str, list[Pod]] = {}
        for pod in own:
            by_owner.setdefault(pod.owner or pod.name, []).append(pod)
        if len(by_owner) > _MOST_OWNERS:
            by_owner = {f"{len(own)} pods": own}
        account = draw_account(self.drawing, self.graph, key)
        identity = read_or(lambda: accounts.find_identity(Workload(self.graph, *key)), None)
        for owner, members in sorted(by_owner.items()):
            is_counted = len(members) == 1 or owner == f"{len(members)} pods"
            label = owner if is_counted else f"{owner}, {len(members)} pods"
            names = sorted(pod.name for pod in members)
            more = [f"and {len(names) - _MOST_OWNERS} more"] if len(names) > _MOST_OWNERS else []
            details = (*names[:_MOST_OWNERS], *more)
            node = self.drawing.node(
                NodeKind.POD,
                Column.MAPPINGS,
                label,
                key=f"{'/'.join(key)} {owner}",
                namespace=key[0],
                details=details,
            )
            self.drawing.edge(node, account, *self._pod_links(key, identity, members))

    def _pod_links(self, key: ObjectKey, identity: Identity | None, members: list[Pod]) -> Iterator[Link]:
        """Yield the links of some pods, those that are alike once."""
        seen = set()
        for pod in sorted(members, key=lambda each: each.name):
            workload = Workload(self.graph, *key, pod)
            chain = Chain()
            holds = Link.holds("service account", workload.name)
            chain.add("service account", lambda holds=holds: account_link(self.graph, key, holds))  # type: ignore[misc]
            if identity is not None and is_role(identity.role_arn):
                _trace_pod(chain, workload, identity)
            for link in chain.links:
                kind = None if link.finding is None else link.finding.kind
                if (link.name, link.verdict, kind) not in seen:
                    seen.add((link.name, link.verdict, kind))
                    yield link


def _trace_pod(chain: Chain, workload: Workload, identity: Identity) -> None:
    """Add the links of a pod itself, as `trace pod` evaluates them."""
    if identity.method is Method.POD_IDENTITY:
        chain.add(pods.NODE, lambda: pods.node_link(workload, identity))
        if chain.links[-1].verdict is Verdict.BROKEN:
            return
    chain.add(pods.CREDENTIALS, lambda: pods.credentials_link(workload, identity), needs=(pods.NODE,))


def _candidates(
    existing: Mapping[ObjectKey, ServiceAccount], by_account: Mapping[ObjectKey, list[Pod]]
) -> Iterator[ObjectKey]:
    """Yield the service accounts that name a role, or were meant to."""
    for key, account in existing.items():
        values = account.annotations.values()
        if ROLE_ARN in account.annotations or any(":role/" in value for value in values if isinstance(value, str)):
            yield key
    for key, own in by_account.items():
        if any(ROLE_ARN in pod.annotations for pod in own):
            yield key


def _by_account(existing: Mapping[ObjectKey, Pod]) -> dict[ObjectKey, list[Pod]]:
    found: dict[ObjectKey, list[Pod]] = {}
    for pod in existing.values():
        found.setdefault((pod.namespace, pod.service_account), []).append(pod)
    return found


def _association_details(association: PodIdentityAssociation) -> Iterator[str]:
    yield f"role {association.role_arn}"
    if association.target_role_arn is not None:
        yield f"target role {association.target_role_arn}"
    if association.disable_session_tags:
        yield "session tags are disabled"
    if association.session_policy is not None:
        yield "limited by a session policy"
    if association.owner_arn is not None:
        yield f"managed by {association.owner_arn}"
