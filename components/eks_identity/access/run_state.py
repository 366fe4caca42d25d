"""What one run of the engine says of one principal in several resources, so that none of them undoes another's work.

A declaration that is renamed, or somebody who is moved to another one, is a new resource to Pulumi. It takes over the
entry that is there; and when everything else has happened, the old resource is deleted, and the same entry with it. No
resource is told of another. But the engine keeps one process of a provider for a run, and has it check what the program
declares before it deletes what the program no longer does. So what was checked is remembered here. `pulumi destroy`
checks nothing, and so nothing is held back there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from threading import Lock

from eks_identity.errors import Problem
from eks_identity.evaluation.access_changes import AccessChange
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.runtime.dynamic_provider import PlainProvider, Properties, is_unknown

Key = tuple[str, ...]
"""A principal in a cluster."""


@dataclass
class RunState:
    """What was checked so far."""

    aws_auth_keys: set[Key] = field(default_factory=set)
    """Entries of aws-auth that the program declares."""
    held: set[Key] = field(default_factory=set)
    """Those of them that another resource was to delete, and did not."""
    adopted: set[Key] = field(default_factory=set)
    """Access entries that the program takes over."""
    guarded: set[Key] = field(default_factory=set)
    """Access entries that the program declares, of either kind."""
    leaving: set[Key] = field(default_factory=set)
    """Access entries that are taken out of a declaration."""
    changes: defaultdict[Key, list[AccessChange]] = field(default_factory=lambda: defaultdict(list))
    """Changes of access by the cluster: two declarations that remove one administrator each may remove all of them."""
    lock: Lock = field(default_factory=Lock)
    """Held from the evaluation of a change until it is noted: the engine calls in many threads."""


_THIS = RunState()


def run_of(provider: PlainProvider) -> RunState:
    """The run that `provider` serves; one that knows nothing, where no engine configured it."""
    return RunState() if provider.config is None else _THIS


def aws_auth_key(props: Properties) -> Key | None:
    """An entry of aws-auth; None where its cluster is not known yet."""
    kubeconfig = props.get("kubeconfig")
    if is_unknown(kubeconfig) or not isinstance(kubeconfig, str):
        return None
    return (kubeconfigs.server(kubeconfig), props["arn"].lower())


def cluster_key(props: Properties) -> Key:
    """The cluster of `props`."""
    return (props["region"], props["cluster_name"], str(props.get("cluster_arn") or ""))


def entry_keys(props: Properties, arns: Iterable[str]) -> set[Key]:
    """Access entries of `arns` in the cluster of `props`; without those that are not known yet."""
    return {(*cluster_key(props), arn.lower()) for arn in arns if not is_unknown(arn)}


def moved_entry_problems(arns: Collection[Key]) -> list[Problem]:
    """What there is to say of access entries that one declaration takes over while another one lets them go."""
    rule = (
        "what lets an access entry go deletes it when the update is nearly done, also where another declaration of the "
        "same program has taken it over by then (EKS has one entry a principal)"
    )
    fix = (
        "take the principal out in an update of its own, and add it after that; a declaration that only got another "
        'name keeps its entries with opts.aliases: [pulumi.Alias(name="<the old name>")], without adopt'
    )
    return [Problem("principals", rule, key[-1], fix) for key in sorted(arns)]


def forgotten(arns: Collection[Key]) -> list[Problem]:
    """The same where the old declaration is gone from the program, and nothing of it was deleted yet."""
    fix = (
        "give the declaration its old name in opts.aliases; or where the new one has taken over already, forget the "
        "old one: `pulumi state delete --target-dependents <URN of the old ClusterAccess>`"
    )
    rule = "an access entry that this program declares under another name too is not deleted with the old name"
    return [Problem("principals", rule, key[-1], fix) for key in sorted(arns)]
