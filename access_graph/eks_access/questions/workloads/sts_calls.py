"""The STS calls of a chain, and what a trust policy decides on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from eks_access.questions.workloads.policy_commands import one_or_many
from eks_access.questions.workloads.workload import Identity, Method, Workload
from eks_identity.evaluation import role_sessions
from eks_identity.evaluation.iam import (
    Answer,
    Document,
    Evaluation,
    Policies,
    Policy,
    Reason,
    Request,
    RequestContext,
    RequestPrincipal,
    evaluate,
)
from eks_identity.evaluation.trust_conditions import IRSA, POD_IDENTITY, ROLE, TARGET, UNTAGGED_POD_IDENTITY, CallType
from eks_identity.model.arns import account_of
from eks_identity.model.subjects import Subject
from eks_identity.model.trust import ASSUME, POD_IDENTITY_SERVICE

WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
TAG_SESSION: Final = "sts:TagSession"
ANY_SUBJECT: Final = Subject("any-namespace", "any-service-account")
"""A service account that no trust policy has a reason to name."""
_ALLOW_ALL = Policy.parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
_ANSWERS: Final = (Answer.DENIED, Answer.NOT_EVALUATED, Answer.CONDITIONAL, Answer.ALLOWED)
"""Answers from the one that decides over all others."""


def decision_rank(decision: Evaluation) -> tuple[int, bool]:
    """Return the rank of a decision among those on several actions: the least decides."""
    return _ANSWERS.index(decision.answer), decision.reason is not Reason.EXPLICIT_DENY


@dataclass(frozen=True)
class StsCall:
    """A call that assumes a role."""

    role_arn: str
    principal: RequestPrincipal
    element: tuple[str, str]
    """The `Principal` that a trust policy names the caller with: kind and value."""
    actions: tuple[str, ...]
    """The actions that the trust policy must allow."""
    context: RequestContext
    conditions: Mapping[str, Mapping[str, str]]
    """The conditions of a new statement for this call."""

    @property
    def resource_account(self) -> str:
        return account_of(self.role_arn)

    def evaluate(self, trust: Document, identity: tuple[Policy, ...] = (_ALLOW_ALL,)) -> Evaluation:
        """Return the decision of a trust policy on all actions: an explicit Deny, or the first that is not allowed.

        The caller's own policies are `identity`; by default they allow everything.
        """
        policies = Policies(
            identity=identity,
            resource=Policy.parse(trust, f"trust policy of {self.role_arn}"),
            is_resource_policy_required=True,
        )
        decisions = [evaluate(self.request(action), policies) for action in self.actions]
        return min(decisions, key=decision_rank)

    def request(self, action: str) -> Request:
        account = self.resource_account if self.principal.account else ""
        return Request(action, self.role_arn, self.principal, self.context, account)

    def is_allowed(self, trust: Document) -> bool:
        """Return whether a trust policy allows the call, as far as the values that are known decide."""
        return self.evaluate(trust).answer in {Answer.ALLOWED, Answer.CONDITIONAL}

    def new_statement(self) -> dict[str, Any]:
        """Return the statement of a trust policy that allows this call, and no other."""
        kind, value = self.element
        statement = {"Effect": "Allow", "Principal": {kind: value}, "Action": one_or_many(self.actions)}
        return {**statement, "Condition": self.conditions} if self.conditions else statement


def irsa_call(workload: Workload, identity: Identity, *, subject: Subject | None = None, audience: str = "") -> StsCall:
    """Return the call with the token of the service account, or of another one, or with another audience."""
    provider = workload.issuer.provider_arn(workload.partition, account_of(identity.role_arn))
    keys = role_sessions.irsa_keys(provider, subject or workload.subject, audience or workload.audience())
    conditions = {key: value for key, value in keys.items() if key in {workload.issuer.sub, workload.issuer.aud}}
    return StsCall(
        identity.role_arn,
        RequestPrincipal.provider(provider),
        ("Federated", provider),
        (WEB_IDENTITY,),
        _context(keys, IRSA),
        {"StringEquals": conditions},
    )


def pod_identity_call(workload: Workload, identity: Identity) -> StsCall:
    """Return the call in which EKS assumes the role of the association."""
    tags = identity.session_tags(workload)
    keys = role_sessions.pod_identity_keys(workload.cluster_arn, tags)
    return StsCall(
        identity.role_arn,
        RequestPrincipal.service(POD_IDENTITY_SERVICE),
        ("Service", POD_IDENTITY_SERVICE),
        tuple(ASSUME if tags else ASSUME[:1]),
        _context(keys, POD_IDENTITY if tags else UNTAGGED_POD_IDENTITY),
        {},
    )


def first_call(workload: Workload, identity: Identity) -> StsCall:
    """Return the call that assumes the role which the service account names."""
    return (irsa_call if identity.method is Method.IRSA else pod_identity_call)(workload, identity)


def with_session_tags(identity: Identity) -> Identity:
    """Return the identity of an association with session tags."""
    assert identity.association is not None
    return replace(identity, association=replace(identity.association, disable_session_tags=False))


def target_call(workload: Workload, identity: Identity, role_arn: str) -> StsCall:
    """Return the call in which EKS assumes the target role of the association."""
    external_id = identity.association.external_id if identity.association else None
    return _chained_call(workload, identity, role_arn, TARGET, external_id)


def next_role_call(workload: Workload, identity: Identity, caller_arn: str, role_arn: str) -> StsCall:
    """Return the call in which the pod itself assumes another role. The session tags of Pod Identity are transitive."""
    return _chained_call(workload, replace(identity, role_arn=caller_arn), role_arn, ROLE, None)


def _chained_call(
    workload: Workload, identity: Identity, role_arn: str, call: CallType, external_id: str | None
) -> StsCall:
    tags = identity.session_tags(workload)
    keys = role_sessions.chained_keys(identity.role_arn, tags, external_id)
    return StsCall(
        role_arn,
        RequestPrincipal.session(identity.role_arn, None),
        ("AWS", identity.role_arn),
        tuple(ASSUME if tags else ASSUME[:1]),
        _context(keys, call, external_id),
        {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {},
    )


def _context(keys: Mapping[str, str], call: CallType, external_id: str | None = None) -> RequestContext:
    """Return the context of a call: keys other than the possible ones have no value in it.

    EKS sends no tags but its own to a target role. An external id that was not read is unknown.
    """
    unknown = set(role_sessions.possible_keys(call))
    if call is TARGET:
        unknown -= {"aws:RequestTag/*"}
        unknown |= {key for key in POD_IDENTITY.keys if key.startswith("aws:RequestTag/")} if _has_tags(keys) else set()
    if external_id is not None:
        unknown -= {"sts:ExternalId"}
    return RequestContext(keys, unknown=sorted(unknown), complete=True)


def _has_tags(keys: Mapping[str, str]) -> bool:
    return any(key.startswith("aws:RequestTag/") for key in keys)
