"""The links of one pod: the pod itself, its node, and what the webhook added when it was created.

| method       | variable of the containers              | audience of the token        |
|--------------|-----------------------------------------|------------------------------|
| IRSA         | `AWS_ROLE_ARN`, the annotation's value  | that of the annotation       |
| Pod Identity | `AWS_CONTAINER_CREDENTIALS_FULL_URI`    | `pods.eks.amazonaws.com`     |

A change of the service account or of its association has no effect on existing pods.

Source: README of the amazon-eks-pod-identity-webhook.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, FindingKind, Fix, Link
from eks_access.graph.kubernetes_objects import Pod
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.chain import read_or
from eks_access.questions.workloads import policy_commands, sts_calls
from eks_access.questions.workloads.missing_identity import create_agent, fallback
from eks_access.questions.workloads.policy_commands import with_statement
from eks_access.questions.workloads.providers import create_provider, provider_arn
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_access.questions.workloads.workload import Identity, Method, Workload
from eks_identity.model.annotations import ROLE_ARN

POD = "pod"
NODE = "node"
AGENT = "Pod Identity agent"
CREDENTIALS = "pod credentials"
_ROLE_VARIABLE = "AWS_ROLE_ARN"
_AGENT_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


def pod_link(pod: Pod | None, namespace: str, name: str) -> Link:
    """Return whether the cluster has the pod."""
    if pod is not None:
        return Link.holds(POD, f"pod {pod} of service account {pod.service_account}")
    says = f"namespace {namespace} has no pod {name}"
    fix = commands.advice(f"trace a pod that `kubectl -n {namespace} get pods` lists")
    return Link.broken(POD, Finding(kinds.POD_MISSING, f"pod {namespace}/{name}", says, "an existing pod", fix))


def node_link(workload: Workload, identity: Identity) -> Link:
    """Return whether the node of the pod supports Pod Identity: Linux on EC2."""
    assert workload.pod is not None
    if not workload.pod.node:
        return Link.not_evaluated(NODE, "the pod is not scheduled")
    node = workload.graph.nodes.get(workload.pod.node)
    if node is None:
        return Link.not_evaluated(NODE, f"node {workload.pod.node} does not exist")
    if not node.is_fargate and node.operating_system != "windows":
        return Link.holds(NODE, f"{node.name} supports Pod Identity")
    kind = kinds.POD_IDENTITY_ON_FARGATE if node.is_fargate else kinds.POD_IDENTITY_ON_WINDOWS
    says = f"node {node.name} is {'a Fargate node' if node.is_fargate else 'a Windows node'}"
    should = f"a Linux node on EC2, or IRSA{workload.needs_recreation}"
    return Link.broken(NODE, Finding(kind, f"pod {workload.pod}", says, should, _change_to_irsa(workload, identity)))


def agent_link(workload: Workload) -> Link:
    """Return whether the cluster has the EKS Pod Identity Agent."""
    if workload.graph.has_pod_identity_agent.get():
        return Link.holds(AGENT, "the cluster has the agent")
    subject, should = f"cluster {workload.cluster.name}", "the add-on eks-pod-identity-agent"
    finding = Finding(kinds.POD_IDENTITY_AGENT_MISSING, subject, "no agent", should, create_agent(workload))
    return Link.broken(AGENT, finding)


def credentials_link(workload: Workload, identity: Identity) -> Link:
    """Return whether the webhook added to the pod what its service account names now."""
    assert workload.pod is not None
    if workload.pod.is_declared:
        return Link.not_evaluated(CREDENTIALS, "the webhook adds them when Kubernetes creates the pod")
    fault = next(_faults(workload, workload.pod, identity), None)
    if fault is None:
        return Link.holds(CREDENTIALS, f"the pod has the variables and the token of {identity.method}")
    if identity.method is Method.IRSA:
        workload.require_associations_read()
    kind, says = fault
    should = f"a pod created after the change{workload.needs_recreation}"
    return Link.broken(CREDENTIALS, Finding(kind, f"pod {workload.pod}", says, should, workload.restart()))


def _faults(workload: Workload, pod: Pod, identity: Identity) -> Iterator[tuple[FindingKind, str]]:
    roles = [each.environment[_ROLE_VARIABLE] for each in pod.containers if _ROLE_VARIABLE in each.environment]
    has_agent = any(_AGENT_VARIABLE in each.environment for each in pod.containers)
    if not roles and not has_agent:
        yield kinds.POD_NOT_INJECTED, f"no container has credentials of {identity.method}: {fallback(workload)}"
    elif identity.method is Method.POD_IDENTITY:
        if not has_agent:
            yield kinds.POD_INJECTED_BEFORE_ASSOCIATION, f"{_ROLE_VARIABLE}={roles[0]}, and no {_AGENT_VARIABLE}"
    elif not roles:
        yield kinds.POD_INJECTED_WITH_OTHER_METHOD, f"{_AGENT_VARIABLE}, and no {_ROLE_VARIABLE}"
    elif others := [role for role in roles if role != identity.role_arn]:
        yield kinds.POD_INJECTED_WITH_OTHER_ROLE, f"{_ROLE_VARIABLE}={others[0]}"
    elif workload.audience() not in pod.token_audiences:
        yield kinds.POD_INJECTED_WITH_OTHER_AUDIENCE, f"audiences {', '.join(pod.token_audiences) or 'none'}"


def _change_to_irsa(workload: Workload, identity: Identity) -> Fix:
    """Return the commands that give the pods the same role by IRSA."""
    association = identity.association
    assert association is not None
    if association.target_role_arn is not None:
        return commands.advice("run the pod on a Linux node of EC2: IRSA has no target role")
    irsa = Identity(Method.IRSA, identity.role_arn)
    fixes = []
    if read_or(lambda: workload.graph.oidc_providers.get(provider_arn(workload, irsa)) is None, default=False):
        fixes.append(create_provider(workload))
    try:
        trust = trust_policy(existing_role(workload.graph, identity.role_arn))
        call = sts_calls.irsa_call(workload, irsa)
    except NotReadError as error:
        return commands.advice(f"use IRSA; its commands need what was not read: {error}")
    if not call.is_allowed(trust):
        fixes.append(policy_commands.update_trust(identity.role_arn, with_statement(trust, -1, call.new_statement())))
    delete = commands.eks(workload.cluster, "delete-pod-identity-association", "--association-id", association.id)
    return commands.together(*fixes, delete, workload.annotate(f"{ROLE_ARN}={identity.role_arn}"))
