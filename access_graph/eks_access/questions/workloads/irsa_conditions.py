"""Repair of the conditions on claims of a token, `ISSUER:sub` and `ISSUER:aud`."""

from __future__ import annotations

from eks_access.catalogue import workloads as kinds
from eks_access.findings import FindingKind
from eks_access.questions.chain import read_or
from eks_access.questions.workloads.trust_repairs import Draft, merge_values
from eks_access.questions.workloads.workload import Workload
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.iam import Condition, matches
from eks_identity.model.statements import is_negated
from eks_identity.model.subjects import Subject

_CLAIMS = ("sub", "aud")
_HTTPS = "https://"
_SUBJECT = "system:serviceaccount:"
_STRING_OPERATORS = ("StringEquals", "StringLike", "StringEqualsIgnoreCase")


def issuer_of(key: str) -> str:
    """Return the issuer that a condition key names, empty for a key of AWS such as `aws:SourceArn`."""
    issuer = key.rpartition(":")[0]
    return issuer.removeprefix(_HTTPS) if "." in issuer else ""


def claim_of(key: str) -> str:
    """Return the claim that a condition key names, empty for a key of AWS."""
    return key.rpartition(":")[2].lower() if issuer_of(key) else ""


def repair(draft: Draft, condition: Condition, workload: Workload) -> bool:
    """Repair a condition on a claim that does not hold; return False for a condition on another key."""
    if not issuer_of(condition.key):
        return False
    kind, key = _key_fault(condition, workload)
    if kind is not None:
        draft.report(kind, f"condition key {condition.key}", f"condition key {key}")
        draft.replace(condition, Condition(condition.operator, key, condition.values))
    elif key == workload.issuer.sub:
        _repair_subject(draft, condition, workload)
    else:
        _repair_audience(draft, condition, workload)
    return True


def _key_fault(condition: Condition, workload: Workload) -> tuple[FindingKind | None, str]:
    """Return the fault of a condition key, and the key that it should be."""
    issuer, claim = workload.issuer, claim_of(condition.key)
    if claim not in _CLAIMS:
        is_subject = any(value.startswith(_SUBJECT) for value in condition.values)
        claim, kind = "sub" if is_subject else "aud", kinds.TRUST_KEY_CLAIM
    elif issuer_of(condition.key).lower() != issuer.host_and_path.lower():
        kind = kinds.TRUST_KEY_ISSUER
    elif condition.key.startswith(_HTTPS):
        kind = kinds.TRUST_KEY_HTTPS
    else:
        kind = None
    return kind, issuer.sub if claim == "sub" else issuer.aud


def _repair_subject(draft: Draft, condition: Condition, workload: Workload) -> None:
    subject, says = str(workload.subject), _text(condition)
    base = condition.operator.rpartition(":")[2].removesuffix("IfExists")
    if is_negated(condition.operator) or base not in _STRING_OPERATORS:
        new = Condition("StringEquals", condition.key, (subject,))
        draft.report(kinds.TRUST_OPERATOR, says, _text(new))
    elif not any(value.startswith(_SUBJECT) for value in condition.values) and _is_audience(condition, workload):
        new = Condition(condition.operator, condition.key, (subject,))
        if not draft.has_condition(workload.issuer.aud):
            draft.report(kinds.TRUST_SUB_HAS_AUDIENCE, says, f"the same for {workload.issuer.aud}, and {_text(new)}")
            draft.replace(condition, new, Condition(condition.operator, workload.issuer.aud, condition.values))
            return
        draft.report(kinds.TRUST_SUB_HAS_AUDIENCE, says, _text(new))
    elif base != "StringLike" and any(matches(value, subject) for value in condition.values):
        new = Condition(condition.operator.replace(base, "StringLike"), condition.key, condition.values)
        draft.report(kinds.TRUST_EQUALS_WILDCARD, says, _text(new))
    else:
        new_values = merge_values(condition.values, subject, lambda value: _may_be_used(workload, value))
        new = Condition(condition.operator, condition.key, new_values)
        draft.report(kinds.TRUST_SUBJECT, says, _text(new), serves_others=len(new_values) > 1)
    draft.replace(condition, new)


def _repair_audience(draft: Draft, condition: Condition, workload: Workload) -> None:
    audience, says = workload.audience(), _text(condition)
    if any(value.startswith(_SUBJECT) for value in condition.values):
        if not draft.has_condition(workload.issuer.sub):
            new = Condition(condition.operator, workload.issuer.sub, condition.values)
            draft.report(kinds.TRUST_AUD_HAS_SUBJECT, says, _text(new))
        else:
            new = Condition("StringEquals", condition.key, (audience,))
            draft.report(kinds.TRUST_AUD_HAS_SUBJECT, says, _text(new))
    elif is_negated(condition.operator):
        new = Condition("StringEquals", condition.key, (audience,))
        draft.report(kinds.TRUST_OPERATOR, says, _text(new))
    elif any(matches(value, audience) for value in condition.values):
        new = Condition("StringEquals", condition.key, (audience,))
        draft.report(kinds.TRUST_EQUALS_WILDCARD, says, _text(new))
    else:
        new = Condition(condition.operator, condition.key, merge_values(condition.values, audience))
        draft.report(kinds.TRUST_AUDIENCE, says, _text(new))
    draft.replace(condition, new)


def _is_audience(condition: Condition, workload: Workload) -> bool:
    return any(value in {workload.audience(), workload.partition.sts_audience} for value in condition.values)


def _may_be_used(workload: Workload, value: str) -> bool:
    """Return whether a subject of a trust policy may be that of another service account, which keeps its access."""
    try:
        subject = Subject.parse(value, allow_wildcards=True)
    except InvalidInput:
        return False
    key = (subject.namespace, subject.service_account)
    accounts = workload.graph.service_accounts
    return subject.has_wildcard or read_or(lambda: accounts.get(key) is not None, default=True)


def _text(condition: Condition) -> str:
    return f"{condition.operator} {condition.key} {', '.join(condition.values)}"
