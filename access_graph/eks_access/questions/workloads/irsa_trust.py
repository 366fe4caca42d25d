"""The link of the trust policy for IRSA: the OIDC provider, the action, and the conditions on sub and aud.

| claim | condition key                                    | value                                     |
|-------|--------------------------------------------------|-------------------------------------------|
| sub   | the issuer without `https://`, then `:sub`       | `system:serviceaccount:NAMESPACE:NAME`    |
| aud   | the issuer without `https://`, then `:aud`       | the audience of the token                 |

Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts".
"""

from __future__ import annotations

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Link, Verdict
from eks_access.graph.aws_objects import Document
from eks_access.questions.chain import read_or
from eks_access.questions.workloads import irsa_conditions, policy_commands, sts_calls
from eks_access.questions.workloads.policy_commands import statements_of, with_statement
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_access.questions.workloads.sts_calls import WEB_IDENTITY, StsCall
from eks_access.questions.workloads.trust_repairs import Draft, Fault, repair_actions, repair_conditions, trust_link
from eks_access.questions.workloads.workload import Identity, Workload
from eks_identity.evaluation.iam import Condition

TRUST = "trust policy"
_PROVIDER = ":oidc-provider/"


def irsa_trust_link(workload: Workload, identity: Identity) -> Link:
    """Return whether the role trusts the service account's tokens."""
    trust = trust_policy(existing_role(workload.graph, identity.role_arn))
    call = sts_calls.irsa_call(workload, identity)
    link = trust_link(
        TRUST, call, trust, lambda draft: _repair(draft, call, workload), lambda: _missing(trust, call, workload)
    )
    if link.verdict is not Verdict.HOLDS:
        return link
    return Link.holds(TRUST, link.says, _any_service_account(workload, identity, call, trust))


def _repair(draft: Draft, call: StsCall, workload: Workload) -> bool:
    if not _repair_provider(draft, call, workload):
        return False
    repair_actions(draft, call, {})
    repair_conditions(draft, call, lambda each, condition: irsa_conditions.repair(each, condition, workload))
    return True


def _repair_provider(draft: Draft, call: StsCall, workload: Workload) -> bool:
    """Name the cluster's provider; return False if the statement is for another cluster, or for no tokens."""
    expected = call.element[1]
    present = draft.principals("Federated")
    if expected in present:
        return True
    names_issuer = any(
        irsa_conditions.issuer_of(each.key) == workload.issuer.host_and_path for each in draft.conditions()
    )
    if not present:
        if not names_issuer and not draft.allows(WEB_IDENTITY):
            return False
        draft.report(
            kinds.TRUST_PRINCIPAL,
            f"Principal {policy_commands.as_text(draft.statement.get('Principal'))}",
            f"Federated {expected}",
        )
        draft.set_principals("Federated", [expected])
        return True
    if len(present) > 1:
        return False
    (arn,) = present
    issuer = arn.partition(_PROVIDER)[2]
    if issuer.removeprefix("https://") == workload.issuer.host_and_path:
        kind = kinds.TRUST_PROVIDER_HTTPS if issuer.startswith("https://") else kinds.TRUST_PROVIDER_ACCOUNT
    elif names_issuer or (issuer and not _may_exist(workload, arn)):
        kind = kinds.TRUST_PROVIDER_ISSUER
    else:
        return False
    draft.report(kind, f"Federated {arn}", f"Federated {expected}")
    draft.set_principals("Federated", [expected])
    return True


def _may_exist(workload: Workload, provider: str) -> bool:
    """Return whether a provider exists, so that a statement may be for another cluster that uses the role too."""
    return read_or(lambda: workload.graph.oidc_providers.get(provider) is not None, default=True)


def _missing(trust: Document, call: StsCall, workload: Workload) -> Fault:
    expected = call.element[1]
    drafts = [Draft.of(statement) for statement in statements_of(trust)]
    others = [arn for draft in drafts for arn in draft.principals("Federated") if _PROVIDER in arn]
    if others and expected not in others:
        return Fault(kinds.TRUST_PROVIDER_ISSUER, f"Federated {', '.join(others)}", f"Federated {expected}")
    workload.require_associations_read()
    says = f"no statement for {workload.name} of the provider"
    return Fault(kinds.TRUST_NOT_FOR_IRSA, says, f"{WEB_IDENTITY} for Federated {expected}")


def _any_service_account(workload: Workload, identity: Identity, call: StsCall, trust: Document) -> Finding | None:
    """Return the finding of a trust policy that any service account of the cluster satisfies."""
    stranger = sts_calls.irsa_call(workload, identity, subject=sts_calls.ANY_SUBJECT)
    document, says = trust, ""
    for _ in statements_of(trust):
        decision = stranger.evaluate(document)
        if not decision.is_allowed:
            break
        index = decision.statements[0].index
        says = says or str(decision.statements[0])
        document = with_statement(document, index, _with_subject(Draft.of(statements_of(document)[index]), workload))
    if not says:
        return None
    fix = policy_commands.update_trust(identity.role_arn, document)
    should = f"StringEquals {workload.issuer.sub} {workload.subject}"
    subject = f"trust policy of {call.role_arn}"
    return Finding(kinds.TRUST_ANY_SERVICE_ACCOUNT, subject, f"{says} allows any service account", should, fix)


def _with_subject(draft: Draft, workload: Workload) -> dict[str, object]:
    """Return the statement with a condition on sub, in place of conditions that compare nothing."""
    for condition in list(draft.conditions()):
        if irsa_conditions.claim_of(condition.key) == "sub":
            draft.replace(condition)
    sub = Condition("StringEquals", workload.issuer.sub, (str(workload.subject),))
    block = {operator: dict(keys) for operator, keys in draft.statement.get("Condition", {}).items()}
    block.setdefault(sub.operator, {})[sub.key] = sub.values[0]
    return {**draft.statement, "Condition": block}
