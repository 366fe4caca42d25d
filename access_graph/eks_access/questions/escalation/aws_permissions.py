"""What all IAM users, roles and groups of a graph may do in AWS."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.aws.identity_policies import IdentityPolicies
from eks_access.questions.escalation.principal_decisions import PrincipalDecisions


class AwsPermissions:
    """The decisions of the policies of each user, role and group that a search reaches."""

    def __init__(self, graph: AccessGraph, base: AwsPermissions | None = None) -> None:
        self.graph = graph
        self.policies: IdentityPolicies = IdentityPolicies(graph, None if base is None else base.policies)
        self._found: dict[str, PrincipalDecisions | None] = {}

    def of(self, arn: str) -> PrincipalDecisions | None:
        """Return the decisions of a user, role or group; None if it does not exist or was not read.

        The graph lists what was not read.
        """
        if arn not in self._found:
            self._found[arn] = PrincipalDecisions(self.policies.of(arn)) if self._exists(arn) else None
        return self._found[arn]

    def _exists(self, arn: str) -> bool:
        try:
            if ":group/" in arn:
                return self.graph.groups.get(arn.rpartition("/")[2]) is not None
            return self.graph.principals.get(arn) is not None
        except NotReadError:
            return False

    def not_evaluated(self) -> Iterator[str]:
        """Yield what decisions so far depend on and is not understood or not known."""
        for decisions in self._found.values():
            if decisions is not None:
                yield from decisions.not_evaluated
