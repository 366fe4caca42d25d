"""The last link of `--exchange`: a token of the service account, exchanged for a session as a pod does it.

| method       | token                             | call                                  |
|--------------|-----------------------------------|---------------------------------------|
| IRSA         | of the service account            | `sts:AssumeRoleWithWebIdentity`       |
| Pod Identity | of one of its pods, bound to it   | `eks-auth:AssumeRoleForPodIdentity`   |

The service has the last word: an answer that no other link explains is a finding. The call comes from this machine, so
that conditions on the network may decide otherwise for the pod.
"""

from __future__ import annotations

from collections.abc import Sequence

from eks_access.catalogue import services as kinds
from eks_access.findings import Finding, Link, Verdict
from eks_access.graph.services import Exchange
from eks_access.graph.tables import NotReadError
from eks_access.questions.commands import advice
from eks_access.questions.workloads.workload import Identity, Method, Workload

EXCHANGE = "token exchange"
NOTE = (
    "the token exchange opened a session, which CloudTrail shows; it came from this machine, so that conditions of the "
    "trust policy on the network may decide otherwise for the pod"
)
_CALLS = {Method.IRSA: "AssumeRoleWithWebIdentity", Method.POD_IDENTITY: "AssumeRoleForPodIdentity"}


def exchange_link(workload: Workload, identity: Identity, links: Sequence[Link]) -> Link:
    """Return the answer to an exchange; `links` are those that decide about it."""
    exchange = _exchange(workload, identity)
    call = _CALLS[identity.method]
    broken = [link.name for link in links if link.verdict is Verdict.BROKEN]
    if exchange.session_arn:
        says = f"{call}: session {exchange.session_arn}"
        return Link.holds(EXCHANGE, says, _accepted(workload, says, broken) if broken else None)
    says = f"{call}: {exchange.error}: {exchange.message}"
    if broken:
        return Link(EXCHANGE, Verdict.BROKEN, f"{says}; explained by {', '.join(broken)}")
    return Link.broken(EXCHANGE, _rejected(workload, identity, says, links))


def _exchange(workload: Workload, identity: Identity) -> Exchange:
    services = workload.graph.services
    if identity.method is Method.IRSA:
        return services.assume_with_web_identity(workload.key, workload.audience(), identity.role_arn)
    return services.assume_for_pod_identity(workload.key, _pod_name(workload), workload.cluster.name)


def _pod_name(workload: Workload) -> str:
    """Return the traced pod, or one of the service account; raise `NotReadError` if it has none."""
    if workload.pod is not None:
        return workload.pod.name
    pods = workload.graph.pods.all().values()
    own = (pod.name for pod in pods if (pod.namespace, pod.service_account) == workload.key)
    name = next(own, None)
    if name is None:
        raise NotReadError(EXCHANGE, f"Pod Identity needs the token of a pod, and {workload.name} has no pod")
    return name


def _accepted(workload: Workload, says: str, broken: list[str]) -> Finding:
    fix = advice("run the trace again after a minute: changes in IAM need some time; report it if the difference stays")
    should = f"an error, because of {', '.join(broken)}"
    return Finding(kinds.EXCHANGE_ACCEPTED, workload.name, says, should, fix)


def _rejected(workload: Workload, identity: Identity, says: str, links: Sequence[Link]) -> Finding:
    undecided = [link.name for link in links if link.verdict is Verdict.NOT_EVALUATED]
    if undecided:
        text = f"check what the trace did not evaluate: {', '.join(undecided)}"
    else:
        text = (
            "run the trace again after a minute: changes in IAM need some time; if the answer stays, check the "
            "resource control policies of the role's account, which are not visible"
        )
    return Finding(kinds.EXCHANGE_REJECTED, workload.name, says, f"a session of {identity.role_arn}", advice(text))
