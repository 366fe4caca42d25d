"""The access graph of a stack's resources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Cluster
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap, Node
from eks_access.graph.tables import Part, Table
from eks_access.sources.pulumi.aws_auth import PART, aws_auth_config_map
from eks_access.sources.pulumi.clusters import StackAccounts, StackClusters
from eks_access.sources.pulumi.declarations import declarations
from eks_access.sources.pulumi.documents import require_types
from eks_access.sources.pulumi.eks import ASSOCIATION, ENTRY, OWN_ENTRY, StackEks, migrated_entries
from eks_access.sources.pulumi.iam import StackIam
from eks_access.sources.pulumi.kubernetes import StackKubernetes, manifests_of
from eks_access.sources.pulumi.node_groups import declared_nodes
from eks_access.sources.pulumi.properties import require_properties
from eks_access.sources.pulumi.resources import Resource


@dataclass(frozen=True)
class StackResources:
    """The resources of a stack, from one source."""

    source: str
    """The source in words: `state of stack dev`."""
    resources: Sequence[Resource]
    deleted: Sequence[Resource] = ()
    """Resources that do not exist after the update of a preview."""

    def __post_init__(self) -> None:
        """Raise `SourceError` for a property of another form than the graph reads."""
        require_properties([*self.resources, *self.deleted])


def clusters_of_stack(stack: StackResources) -> list[str]:
    """Return the names of the clusters that a stack creates, looks up or names."""
    return sorted(StackClusters([*stack.resources, *stack.deleted]).facts)


def graph_of_stack(
    stack: StackResources,
    cluster: str | None = None,
    now: datetime | None = None,
    account: str = "",
    described: Cluster | None = None,
) -> AccessGraph:
    """Return the graph of one cluster and of all IAM resources of a stack.

    A stack has only what it declares: other objects are not evaluated.

    Args:
        stack: The resources.
        cluster: Name of the EKS cluster; by default the only one of the stack.
        now: Time from which resources exist that the update of a preview creates; by default the current time.
        account: Account of IAM resources whose account the stack does not know; by default they are not evaluated.
        described: The cluster as another source describes it, for a stack that does not have it. Such a stack gives
            no access to the cluster.

    Raises:
        UsageError: The stack has no such cluster, or several and `cluster` is None.
    """
    reason = f"not in the {stack.source}"
    clusters = StackClusters([*stack.resources, *stack.deleted])
    if described is not None and described.name not in clusters.facts:
        name: str | None = described.name
        own: list[Resource] = []
    else:
        name = clusters.select(cluster, stack.source)
        own = [each for each in stack.resources if clusters.is_in(each, name)]
        described = None if name is None else clusters.cluster(name, stack.source)
        require_types(described, Cluster | None, "the cluster")
    accounts = StackAccounts(stack.resources, described, account)
    iam = StackIam(stack.resources, accounts, now or datetime.now(UTC), reason)
    eks, kubernetes = StackEks(own, reason), StackKubernetes(own, reason)
    for resource in stack.deleted:
        iam.remove(resource)
        if clusters.is_in(resource, name):
            eks.remove(resource)
            kubernetes.remove(resource)
    unassigned = [resource for resource in stack.resources if clusters.is_in(resource, name) is None]
    for resource in unassigned:
        _note_unassigned(resource, eks, kubernetes)
    deleted = [each for each in stack.deleted if clusters.is_in(each, name)]
    aws_auth = require_types(aws_auth_config_map(own, deleted, unassigned, reason), AwsAuthConfigMap, PART)
    nodes: Table[str, Node] = Table.partial(
        require_types(declared_nodes(own, stack.resources), dict[str, Node], "node groups"), "node", reason
    )
    return AccessGraph(
        source=stack.source,
        cluster=Part.not_read("cluster", reason) if described is None else Part.of(described),
        principals=iam.principals.table(),
        groups=iam.groups.table(),
        policies=iam.policies.table(),
        oidc_providers=iam.oidc_providers.table(),
        entries=eks.entries.table(),
        aws_auth=Part.not_read(PART, reason) if name is None else Part.of(aws_auth),
        associations=eks.associations.table(),
        rbac_roles=kubernetes.roles.table(),
        rbac_bindings=kubernetes.bindings.table(),
        service_accounts=kubernetes.service_accounts.table(),
        pods=kubernetes.pods.table(),
        nodes=nodes,
        has_pod_identity_agent=eks.agent_part(),
        declared_by=declarations(own, None if name is None else aws_auth),
        migrated_entries=migrated_entries(own),
        added_policies=iam.added_policies(),
    )


def _note_unassigned(resource: Resource, eks: StackEks, kubernetes: StackKubernetes) -> None:
    """Note a resource of a stack with several clusters whose own cluster is unknown."""
    reason = f"the cluster of {resource} is not known"
    if resource.kind in {ENTRY, OWN_ENTRY}:
        eks.entries.add_unkeyed(reason)
    elif resource.kind == ASSOCIATION:
        eks.associations.add_unkeyed(reason)
    else:
        for kind, _ in manifests_of(resource):
            if (rows := kubernetes.rows(kind)) is not None:
                rows.add_unkeyed(reason)
