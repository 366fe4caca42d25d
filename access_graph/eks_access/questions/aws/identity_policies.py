"""The policies of IAM users, roles and groups of a graph, each document parsed once for all who have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, IamGroup, IamPrincipal, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.aws.principal_policies import PrincipalPolicies
from eks_access.questions.workloads.policy_commands import INLINE
from eks_access.questions.workloads.role_policies import managed_document, parse_policy
from eks_identity.evaluation.iam import Policies, Policy


class IdentityPolicies:
    """The policies of the principals and groups of a graph."""

    def __init__(self, graph: AccessGraph, base: IdentityPolicies | None = None) -> None:
        """Read policies of a graph. Documents that `base` has parsed, of a similar graph, are not parsed again."""
        self._graph = graph
        self.parsed: dict[tuple[str, int], tuple[Document, Policy]] = {} if base is None else base.parsed
        """Parsed policies with their documents, by name and id of the document."""
        self._found: dict[str, PrincipalPolicies] = {}

    def of(self, arn: str, session: Policy | None = None) -> PrincipalPolicies:
        """Return the policies of a user, role or group; none if it does not exist.

        Those that the source did not read may allow or deny anything. With `session`, they are those of sessions that
        this session policy limits.
        """
        found = self._found.get(arn)
        if found is None:
            found = self._found[arn] = self._read(arn)
        if session is None:
            return found
        identity, boundary = found.policies.identity, found.policies.boundary
        return PrincipalPolicies(arn, Policies(identity, boundary=boundary, session=[session]), found.tags)

    def _read(self, arn: str) -> PrincipalPolicies:
        try:
            return self._group(arn) if ":group/" in arn else self._principal(arn)
        except NotReadError as error:
            return PrincipalPolicies(arn, Policies([Policy.unknown(f"policies of {arn}", error.not_read.reason)]))

    def _principal(self, arn: str) -> PrincipalPolicies:
        principal = self._graph.principals.get(arn)
        if principal is None:
            return PrincipalPolicies(arn, Policies())
        identity = list(self._policies(principal))
        managed, groups = list(principal.attached_policies), []
        if principal.other_policies is not None:
            identity.append(Policy.unknown(f"other policies of {arn}", str(principal.other_policies)))
        for name in principal.groups:
            try:
                group = self._graph.groups.get(name)
            except NotReadError as error:
                identity.append(Policy.unknown(f"policies of group {name}", error.not_read.reason))
                continue
            if group is not None:
                identity += self._policies(group, f" of group {name}")
                managed += group.attached_policies
                groups.append(group.arn)
        boundary = None if principal.boundary is None else self._boundary(principal.boundary)
        policies = Policies(tuple(identity), boundary=boundary)
        return PrincipalPolicies(arn, policies, principal.tags, tuple(managed), tuple(groups))

    def _group(self, arn: str) -> PrincipalPolicies:
        group = self._graph.groups.get(arn.rpartition("/")[2])
        if group is None:
            return PrincipalPolicies(arn, Policies())
        return PrincipalPolicies(arn, Policies(tuple(self._policies(group))), managed=group.attached_policies)

    def _policies(self, holder: IamPrincipal | IamGroup, owner: str = "") -> Iterator[Policy]:
        for name, document in holder.inline_policies.items():
            yield self._parse(f"{INLINE}{name}{owner}", str(document) if isinstance(document, Unknown) else document)
        yield from map(self._managed, holder.attached_policies)

    def _boundary(self, arn: str | Unknown) -> Policy:
        return Policy.unknown("permissions boundary", str(arn)) if isinstance(arn, Unknown) else self._managed(arn)

    def _managed(self, arn: str) -> Policy:
        return self._parse(arn, managed_document(self._graph, arn))

    def _parse(self, name: str, document: Document | str) -> Policy:
        if not isinstance(document, Mapping):
            return parse_policy(name, document)
        cached = self.parsed.get((name, id(document)))
        if cached is None:
            # The document is kept, so that no other one has its id.
            cached = self.parsed[name, id(document)] = (document, parse_policy(name, document))
        return cached[1]
