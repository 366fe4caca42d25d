"""The list of entries: what the catalogue has, in the order of the alphabet."""

from __future__ import annotations

from eks_identity.model.policy_templates import (
    buckets,
    dns,
    external_secrets,
    gateway,
    karpenter,
    load_balancers,
    network,
    nodes,
    observability,
    storage,
)
from eks_identity.model.policy_templates.entry import Entry

ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        observability.CLOUDWATCH,
        observability.PROMETHEUS,
        storage.EBS,
        storage.EFS,
        storage.FSX,
        gateway.GATEWAY_CONTROLLER,
        load_balancers.CONTROLLER,
        load_balancers.TARGET_GROUPS_ONLY,
        buckets.MOUNTPOINT,
        nodes.NODE_TERMINATION_HANDLER,
        dns.CERT_MANAGER,
        nodes.CLUSTER_AUTOSCALER,
        dns.EXTERNAL_DNS,
        external_secrets.EXTERNAL_SECRETS,
        karpenter.KARPENTER,
        buckets.VELERO,
        network.VPC_CNI,
    )
}
"""Every entry by its name."""
