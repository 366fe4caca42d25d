"""State of one update, shared by the dynamic providers, so that a deletion keeps what another resource adopted.

To Pulumi a declaration of another name, and a principal in another declaration, is a new resource. It adopts the
existing entry. At the end of the update the engine deletes the old resource, and with it the same entry. The engine
keeps one process of a provider for each update, and calls `check` for every declared resource before it deletes one. So
`check` records here what the program declares, and `delete` reads it. `pulumi destroy` calls no `check`, so every entry
is deleted then.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from threading import Lock

from eks_identity.errors import Problem
from eks_identity.evaluation.access_changes import AccessChange
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.runtime.dynamic_provider import EksIdentityProvider, Properties, has_unknowns

Key = tuple[str, ...]
"""Identifies a cluster, or a principal in a cluster."""


@dataclass
class RunState:
    """Records of the providers in this update."""

    aws_auth_keys: set[Key] = field(default_factory=set)
    """Mappings that the program declares."""
    retained_aws_auth_keys: set[Key] = field(default_factory=set)
    """Mappings among them whose deletion, by another resource, was skipped."""
    adopted_entry_keys: set[Key] = field(default_factory=set)
    """Access entries that an `AccessEntry` of the program declares."""
    guarded_entry_keys: set[Key] = field(default_factory=set)
    """Access entries that a `LockoutGuard` of the program declares, created or adopted."""
    removed_entry_keys: set[Key] = field(default_factory=set)
    """Access entries that are removed from a declaration."""
    accepted_changes: defaultdict[Key, list[AccessChange]] = field(default_factory=lambda: defaultdict(list))
    """Accepted changes of access by cluster: two declarations that remove one administrator each may remove all."""
    lock: Lock = field(default_factory=Lock)
    """Held while a change is evaluated and recorded: the engine calls providers in many threads."""


_CURRENT = RunState()


def current_run(provider: EksIdentityProvider) -> RunState:
    """Return the state of the update that `provider` serves; an empty state if no engine configured the provider."""
    return RunState() if provider.config is None else _CURRENT


def aws_auth_key(props: Properties) -> Key | None:
    """Return the key of an aws-auth mapping; None while the kubeconfig is unknown."""
    kubeconfig = props.get("kubeconfig")
    if has_unknowns(kubeconfig) or not isinstance(kubeconfig, str):
        return None
    return (kubeconfigs.server(kubeconfig), props["arn"].lower())


def cluster_key(props: Properties) -> Key:
    """Return the key of the cluster of `props`."""
    return (props["region"], props["cluster_name"], str(props.get("cluster_arn") or ""))


def entry_keys(props: Properties, arns: Iterable[str]) -> set[Key]:
    """Return the keys of the access entries of `arns` in the cluster of `props`. Unknown ARNs are skipped."""
    return {(*cluster_key(props), arn.lower()) for arn in arns if not has_unknowns(arn)}


def moved_entry_problems(keys: Collection[Key]) -> list[Problem]:
    """Return the problems of access entries that one declaration adopts while another one removes them."""
    rule = (
        "must not move to another declaration in one update: the old declaration deletes the access entry at the end "
        "of the update, after the new one has adopted it (EKS has one entry for a principal)"
    )
    fix = (
        "remove the principal in an update of its own, and add it in the next one; if the declaration was renamed, "
        'keep its entries with opts.aliases: [pulumi.Alias(name="<the old name>")], without adopt'
    )
    return [Problem("principals", rule, key[-1], fix) for key in sorted(keys)]


def renamed_declaration_problems(keys: Collection[Key]) -> list[Problem]:
    """Return the problems of deleting a declaration whose access entries the program declares under another name."""
    rule = "must not be deleted with the old declaration: this program declares the access entry under another name"
    fix = (
        "pass the old name of the declaration in opts.aliases; if the new declaration has adopted the entries, remove "
        "the old one from the state: `pulumi state delete --target-dependents <URN of the old ClusterAccess>`"
    )
    return [Problem("principals", rule, key[-1], fix) for key in sorted(keys)]
