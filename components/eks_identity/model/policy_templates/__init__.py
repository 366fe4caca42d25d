"""Permission policies for the add-ons that most clusters have, scoped to resources that the caller names.

    pieces       statements and conditions as values
    fields       which ARNs each field takes
    entry        an add-on, its fields, and the function that makes its statements
    buckets, dns, external_secrets, gateway, karpenter, load_balancers, network, nodes, observability, storage
                 the entries themselves, by what they are about
    entries      all of them by name
    policies     checks what is given for an entry, and makes its document

The actions are what each add-on's own project, or AWS, publishes; the statements are built here, for any partition.
"""

from __future__ import annotations

from eks_identity.model.policy_templates.entries import ENTRIES
from eks_identity.model.policy_templates.entry import Entry
from eks_identity.model.policy_templates.policies import (
    check,
    entry_of_addon,
    find,
    policy_document,
    policy_documents,
    require_each_once,
)

__all__ = [
    "ENTRIES",
    "Entry",
    "check",
    "entry_of_addon",
    "find",
    "policy_document",
    "policy_documents",
    "require_each_once",
]
