"""The services of a living cluster with answers made by hand. A missing answer is that of a service that denies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.services import AccessReview, Exchange, ReviewedUser, Simulation
from eks_access.graph.tables import NotReadError
from eks_identity.evaluation.rbac import Request

FORBIDDEN = "Forbidden: create subjectaccessreviews.authorization.k8s.io"
ACCESS_DENIED = "AccessDenied: iam:SimulatePrincipalPolicy"
NO_TOKEN = "Forbidden: create serviceaccounts/token in namespace default"


@dataclass
class FakeServices:
    """Services that record what they were asked."""

    review: AccessReview | None = None
    simulation: Simulation | None = None
    exchange: Exchange | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def of(self, graph: AccessGraph) -> AccessGraph:
        """Return a graph whose services these are."""
        return replace(graph, services=self)

    def review_access(self, user: ReviewedUser, request: Request) -> AccessReview:
        self.calls.append(("review", user, request))
        if self.review is None:
            raise NotReadError("SubjectAccessReview", FORBIDDEN)
        return self.review

    def simulate(self, role_arn: str, action: str, resource: str, context: Mapping[str, str]) -> Simulation:
        self.calls.append(("simulate", role_arn, action, resource, dict(context)))
        if self.simulation is None:
            raise NotReadError("SimulatePrincipalPolicy", ACCESS_DENIED)
        return self.simulation

    def assume_with_web_identity(self, account: ObjectKey, audience: str, role_arn: str) -> Exchange:
        return self._exchange("web identity", account, audience, role_arn)

    def assume_for_pod_identity(self, account: ObjectKey, pod: str, cluster: str) -> Exchange:
        return self._exchange("pod identity", account, pod, cluster)

    def _exchange(self, *question: Any) -> Exchange:
        self.calls.append(question)
        if self.exchange is None:
            raise NotReadError("TokenRequest", NO_TOKEN)
        return self.exchange
