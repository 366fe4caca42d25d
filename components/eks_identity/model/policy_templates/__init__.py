"""Policy templates: permission policies of common add-ons, scoped to resources that the caller names.

    statements   statements and conditions as values
    fields       the fields of templates, and the validation of their ARNs
    entry        a template: its add-on, its fields, and the function that builds its statements
    buckets, dns, external_secrets, gateway, karpenter, load_balancers, network, nodes, observability, storage
                 the templates themselves, by AWS service or purpose
    policies     all templates by name, the validation of their args, and their policy documents
    page         the documentation page

The actions are those that each add-on's project, or AWS, publishes; the statements are valid in every partition.
"""

from __future__ import annotations

from eks_identity.model.policy_templates.policies import (
    POLICY_TEMPLATES,
    check,
    find,
    find_addon_template,
    policy_document,
    policy_documents,
    require_unique,
)
from eks_identity.model.policy_templates.template import PolicyTemplate

__all__ = [
    "POLICY_TEMPLATES",
    "PolicyTemplate",
    "check",
    "find",
    "find_addon_template",
    "policy_document",
    "policy_documents",
    "require_unique",
]
