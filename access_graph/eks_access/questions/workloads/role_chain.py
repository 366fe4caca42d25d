"""Links of a role that the session of another role assumes: EKS for `targetRoleArn`, or the pod itself.

The session tags of Pod Identity are transitive: the next `AssumeRole` has them too, so that it needs `sts:TagSession`.

Source: EKS user guide, "Access AWS resources using EKS Pod Identity target IAM roles"; IAM user guide, "Pass session
tags in AWS STS: Chaining session tags".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Link
from eks_access.graph.aws_objects import Document
from eks_access.questions.chain import read_or
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.policy_commands import statements_of
from eks_access.questions.workloads.role_policies import RolePolicies
from eks_access.questions.workloads.roles import existing_role, trust_policy
from eks_access.questions.workloads.sts_calls import TAG_SESSION, StsCall, decision_rank
from eks_access.questions.workloads.trust_repairs import Draft, Fault, repair_actions, repair_conditions, trust_link
from eks_access.questions.workloads.workload import Workload
from eks_identity.evaluation.iam import Answer, Condition, Evaluation, Policies, Policy, PolicyType, evaluate


def chained_trust_link(name: str, workload: Workload, call: StsCall) -> Link:
    """Return whether the next role trusts the role that assumes it."""
    trust = trust_policy(existing_role(workload.graph, call.role_arn))
    return trust_link(name, call, trust, lambda draft: _repair(draft, call), lambda: _missing(trust, call))


def is_allowed_by_caller(workload: Workload, call: Callable[[], StsCall]) -> bool:
    """Return whether the caller's policies allow a call, so that the trust policy does not matter for them."""
    return read_or(lambda: decide(workload, call(), None)[0].is_allowed, default=False)


def decide(workload: Workload, call: StsCall, trust: Document | None) -> tuple[Evaluation, str]:
    """Return the decision of the caller's policies, and of a trust policy, with the action that decides."""
    caller = RolePolicies.of(workload.graph, call.element[1])
    resource = None if trust is None else Policy.parse(trust, f"trust policy of {call.role_arn}")
    policies = Policies(identity=caller.identity, boundary=caller.boundary, resource=resource)
    requests = [replace(call.request(action), resource_account="") for action in call.actions]
    if trust is not None:
        policies = replace(policies, is_resource_policy_required=True)
        requests = [call.request(action) for action in call.actions]
    decisions = [(evaluate(request, policies), request.action) for request in requests]
    return min(decisions, key=lambda each: decision_rank(each[0]))


def assume_link(name: str, workload: Workload, call: StsCall) -> Link:
    """Return whether the policies of a role allow it to assume the next role.

    In one account, a trust policy that names the role itself is enough.
    """
    caller_arn = call.element[1]
    caller = RolePolicies.of(workload.graph, caller_arn)
    decision, action = decide(workload, call, None)
    if decision.answer is Answer.DENIED:
        decision, action = decide(workload, call, trust_policy(existing_role(workload.graph, call.role_arn)))
    if decision.answer is Answer.ALLOWED:
        return Link.holds(name, f"{caller_arn} may {' and '.join(call.actions)}")
    if decision.answer is not Answer.DENIED:
        return Link.not_evaluated(name, str(decision))
    says = f"{action} on {call.role_arn}: {decision}"
    should = f"allows {' and '.join(call.actions)} on {call.role_arn}"
    if decision.policy_type is PolicyType.BOUNDARY and caller.boundary_arn is not None:
        fix = caller.allow_in_boundary(list(call.actions), call.role_arn)
        return Link.broken(name, Finding(kinds.BOUNDARY, f"IAM role {caller_arn}", says, should, fix))
    if decision.statements:
        fix = caller.without(decision.statements, action, call.role_arn)
        return Link.broken(name, Finding(kinds.POLICY_DENY, f"IAM role {caller_arn}", says, should, fix))
    fix = policy_commands.allow(caller_arn, call.actions, call.role_arn)
    return Link.broken(name, Finding(kinds.ASSUME_NOT_ALLOWED, f"IAM role {caller_arn}", says, should, fix))


def _repair(draft: Draft, call: StsCall) -> bool:
    if not _repair_role(draft, call):
        return False
    repair_actions(draft, call, {TAG_SESSION: kinds.TRUST_TAG_SESSION})
    repair_conditions(draft, call, lambda each, condition: _repair_external_id(each, condition, call))
    return True


def _repair_role(draft: Draft, call: StsCall) -> bool:
    """Name the role; return False if the statement names another principal than a role or an account."""
    account = call.principal.accounts
    present = draft.principals("AWS")
    if call.element[1] in present or account & set(present) or "*" in present:
        return True
    if not any(":role/" in name or name.startswith("AROA") for name in present):
        return False
    draft.report(kinds.TRUST_NOT_FOR_ROLE, f"AWS {', '.join(present)}", f"AWS {call.element[1]}")
    # IAM shows the unique id of a deleted principal, which nothing can use again.
    draft.set_principals("AWS", [*(name for name in present if name.startswith("arn:")), call.element[1]])
    return True


def _repair_external_id(draft: Draft, condition: Condition, call: StsCall) -> bool:
    if condition.key.lower() != "sts:externalid":
        return False
    expected = call.context.get(condition.key)
    if not expected:
        return False
    new = Condition(condition.operator, condition.key, (*_other_external_ids(condition), expected[0]))
    draft.report(kinds.TRUST_EXTERNAL_ID, f"external id {', '.join(condition.values)}", f"external id {expected[0]}")
    draft.replace(condition, new)
    return True


def _other_external_ids(condition: Condition) -> tuple[str, ...]:
    return condition.values if len(condition.values) > 1 else ()


def _missing(trust: Document, call: StsCall) -> Fault:
    drafts = [Draft.of(statement) for statement in statements_of(trust)]
    present = [name for draft in drafts for kind in ("AWS", "Service", "Federated") for name in draft.principals(kind)]
    says = f"trusts {', '.join(present) or 'no principal'}"
    return Fault(kinds.TRUST_NOT_FOR_ROLE, says, f"AWS {call.element[1]}")
