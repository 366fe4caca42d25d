"""Service accounts that name no role: what their pods get instead, and the role that they could have."""

from __future__ import annotations

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Fix
from eks_access.graph.kubernetes_objects import Node
from eks_access.questions import commands
from eks_access.questions.chain import read_or
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.roles import trusting_roles
from eks_access.questions.workloads.workload import Workload
from eks_identity.model.annotations import ROLE_ARN
from eks_identity.model.limits import ROLE_NAME
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import pod_identity_trust

AGENT_ADDON = "eks-pod-identity-agent"


def no_identity(workload: Workload) -> Finding:
    """Return the finding of a service account that has neither annotation nor association."""
    says = f"no annotation {ROLE_ARN}, and no Pod Identity association: {fallback(workload)}"
    kind = kinds.POD_USES_NODE_ROLE if reaches_node_role(workload) else kinds.NO_WORKLOAD_IDENTITY
    orphan = read_or(lambda: _association_of_missing_account(workload), None)
    if orphan is not None:
        account, role = orphan
        says = f"an association of {account}, which does not exist: {fallback(workload)}"
        fix = commands.together(_associate(workload, role), workload.restart())
        should = f"an association of {workload.name}{workload.needs_recreation}"
        return Finding(kinds.ASSOCIATION_OF_OTHER_SERVICE_ACCOUNT, workload.name, says, should, fix)
    roles = read_or(lambda: trusting_roles(workload), ())
    if len(roles) == 1:
        should = f"annotation {ROLE_ARN}={roles[0]}, a role that trusts it{workload.needs_recreation}"
        return Finding(kind, workload.name, says, should, workload.annotate(f"{ROLE_ARN}={roles[0]}"))
    should = f"an association with a role of its own{workload.needs_recreation}"
    return Finding(kind, workload.name, says, should, _new_role(workload))


def fallback(workload: Workload) -> str:
    """Return the credentials of a pod without an identity, in words."""
    if workload.pod is None:
        return "its pods have the role of their node, if they reach the metadata service (IMDS)"
    node = _node(workload)
    if workload.pod.host_network:
        return f"the pod uses the network of its host, and has {_role_of(node)}"
    if node is None or node.metadata_hop_limit is None:
        return f"the pod has {_role_of(node)}, if it reaches the metadata service (IMDS): its hop limit was not read"
    if node.metadata_hop_limit > 1:
        return f"the hop limit of the metadata service is {node.metadata_hop_limit}, and the pod has {_role_of(node)}"
    return "the pod has no credentials: the hop limit of the metadata service is 1"


def reaches_node_role(workload: Workload) -> bool:
    """Return whether the pod certainly gets the role of its node."""
    node = _node(workload)
    if workload.pod is None or node is None or node.is_fargate:
        return False
    return workload.pod.host_network or (node.metadata_hop_limit or 0) > 1


def _node(workload: Workload) -> Node | None:
    pod = workload.pod
    return read_or(lambda: workload.graph.nodes.get(pod.node), None) if pod is not None and pod.node else None


def _role_of(node: Node | None) -> str:
    if node is None:
        return "the role of its node"
    return f"the role of node {node.name}" + (f", {node.role_arn}" if node.role_arn else "")


def _association_of_missing_account(workload: Workload) -> tuple[str, str] | None:
    """Return the service account and the role of an association with the same namespace or name."""
    graph = workload.graph
    for key, association in graph.associations.all().items():
        is_near = key[0] == workload.namespace or key[1] == workload.service_account
        if is_near and isinstance(association.role_arn, str) and graph.service_accounts.get(key) is None:
            return "/".join(key), association.role_arn
    return None


def _associate(workload: Workload, role_arn: str) -> Fix:
    """Return the command that creates an association of the service account."""
    options = ("--namespace", workload.namespace, "--service-account", workload.service_account, "--role-arn", role_arn)
    return commands.eks(workload.cluster, "create-pod-identity-association", *options)


def _new_role(workload: Workload) -> Fix:
    """Return the commands that give the service account a role of its own, with the permission for the action."""
    name = f"{workload.cluster.name}-{workload.namespace}-{workload.service_account}"[:ROLE_NAME]
    arn = workload.partition.arn("iam", f"role/{name}", account=workload.cluster.account)
    trust = pod_identity_trust([workload.cluster_arn], [Subject(*workload.key)])
    fixes = [policy_commands.create_role(arn, trust)]
    if workload.action is not None:
        fixes.append(policy_commands.allow(arn, [workload.action], workload.resource or "*"))
    if read_or(lambda: not workload.graph.has_pod_identity_agent.get(), default=False):
        fixes.append(create_agent(workload))
    return commands.together(*fixes, _associate(workload, arn), workload.restart())


def create_agent(workload: Workload) -> Fix:
    """Return the command that installs the EKS Pod Identity Agent."""
    return commands.eks(workload.cluster, "create-addon", "--addon-name", AGENT_ADDON)
