"""The link of the trust policy for Pod Identity: the service principal, both actions, and conditions on session tags.

Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
"""

from __future__ import annotations

from dataclasses import replace

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Fix, Link, Verdict
from eks_access.graph.aws_objects import Document
from eks_access.questions import commands
from eks_access.questions.workloads import sts_calls
from eks_access.questions.workloads.policy_commands import statements_of
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_access.questions.workloads.sts_calls import TAG_SESSION, StsCall
from eks_access.questions.workloads.trust_repairs import (
    Draft,
    Fault,
    merge_values,
    repair_actions,
    repair_conditions,
    trust_link,
)
from eks_access.questions.workloads.workload import Identity, Workload
from eks_identity.evaluation.iam import Condition
from eks_identity.model.statements import is_negated

TRUST = "trust policy"


def pod_identity_trust_link(workload: Workload, identity: Identity) -> Link:
    """Return whether the role trusts Pod Identity for this association."""
    trust = trust_policy(existing_role(workload.graph, identity.role_arn))
    call = sts_calls.pod_identity_call(workload, identity)
    link = trust_link(TRUST, call, trust, lambda draft: _repair(draft, call, workload), lambda: _missing(trust, call))
    if link.verdict is Verdict.BROKEN and not identity.has_session_tags:
        tagged = sts_calls.pod_identity_call(workload, sts_calls.with_session_tags(identity))
        if tagged.is_allowed(trust):
            return Link.broken(TRUST, disabled_session_tags(workload, identity, f"trust policy of {identity.role_arn}"))
    return link


def disabled_session_tags(workload: Workload, identity: Identity, policy: str) -> Finding:
    """Return the finding of a policy that needs the session tags which the association disables."""
    says = f"the association sets disableSessionTags, and {policy} compares session tags"
    return Finding(
        kinds.SESSION_TAGS_DISABLED, policy, says, "an association with session tags", enable_tags(workload, identity)
    )


def enable_tags(workload: Workload, identity: Identity) -> Fix:
    """Return the command that enables the session tags of the association."""
    assert identity.association is not None
    options = ("--association-id", identity.association.id, "--no-disable-session-tags")
    return commands.eks(workload.cluster, "update-pod-identity-association", *options)


def _repair(draft: Draft, call: StsCall, workload: Workload) -> bool:
    if not _repair_service(draft, call):
        return False
    repair_actions(draft, call, {TAG_SESSION: kinds.TRUST_TAG_SESSION})
    repair_conditions(draft, call, lambda each, condition: _repair_tag(each, condition, call, workload))
    return True


def _repair_service(draft: Draft, call: StsCall) -> bool:
    """Name the service principal; return False if the statement is for another service, or for no service."""
    service = call.element[1]
    present = draft.principals("Service")
    if service in present:
        return True
    is_for_pods = draft.allows(TAG_SESSION) or any("pods" in name for name in present)
    if not present or not is_for_pods:
        return False
    others = [name for name in present if "eks" not in name] if len(present) > 1 else []
    draft.report(kinds.TRUST_NOT_FOR_POD_IDENTITY, f"Service {', '.join(present)}", f"Service {service}")
    draft.set_principals("Service", [*others, service])
    return True


def _repair_tag(draft: Draft, condition: Condition, call: StsCall, workload: Workload) -> bool:
    """Add the namespace or service account to those of other existing service accounts."""
    tag = condition.key.lower().removeprefix("aws:requesttag/")
    if tag not in {"kubernetes-namespace", "kubernetes-service-account"} or is_negated(condition.operator):
        return False
    actual = call.context.get(condition.key)
    if not actual:
        return False
    accounts = workload.graph.service_accounts.all()
    used = {key[0 if tag == "kubernetes-namespace" else 1] for key in accounts if key != workload.key}
    new = replace(condition, values=merge_values(condition.values, actual[0], lambda value: value in used))
    says, should = (f"{each.operator} {each.key} {', '.join(each.values)}" for each in (condition, new))
    draft.report(kinds.TRUST_CONDITION_VALUE, says, should)
    draft.replace(condition, new)
    return True


def _missing(trust: Document, call: StsCall) -> Fault:
    drafts = [Draft.of(statement) for statement in statements_of(trust)]
    services = [name for draft in drafts for name in draft.principals("Service")]
    others = [name for draft in drafts for kind in ("Federated", "AWS") for name in draft.principals(kind)]
    says = f"trusts {', '.join([*services, *others]) or 'no principal'}"
    return Fault(kinds.TRUST_NOT_FOR_POD_IDENTITY, says, f"Service {call.element[1]}")
