"""SimulatePrincipalPolicy and SimulateCustomPolicy, with the lab's own policy evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lab.cloud.context import Values
from lab.cloud.policy import Context, Decision, Policies, Policy, Request, RequestPrincipal, evaluate


def simulate(
    policies: Policies,
    *,
    actions: Iterable[str],
    resources: Sequence[str],
    context: Context,
    principal: RequestPrincipal | None = None,
) -> list[dict[str, Any]]:
    """Return one EvaluationResult of the API for each action on each resource."""
    return [
        _simulate_request(policies, Request(action, resource, principal, context))
        for action in actions
        for resource in resources or ["*"]
    ]


def context_values(entries: Iterable[Mapping[str, Any]]) -> Values:
    """Return the condition context of a call's ContextEntries."""
    return {str(entry["ContextKeyName"]): tuple(map(str, entry.get("ContextKeyValues", ()))) for entry in entries}


def _simulate_request(policies: Policies, request: Request) -> dict[str, Any]:
    evaluation = evaluate(request, policies)
    result: dict[str, Any] = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": evaluation.decision.value,
        "MatchedStatements": [
            {"SourcePolicyId": policy.name, "SourcePolicyType": "IAM Policy"} for policy, _ in evaluation.statements
        ],
        "MissingContextValues": sorted(set(_missing_keys(policies, request))),
    }
    if policies.boundary is not None:
        boundary_evaluation = evaluate(request, Policies(identity=[policies.boundary]))
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": boundary_evaluation.decision is Decision.ALLOWED
        }
    return result


def _missing_keys(policies: Policies, request: Request) -> Iterator[str]:
    """Yield the condition keys that the policies use and the simulated request lacks."""
    all_policies: list[Policy] = [*policies.identity, *policies.session]
    all_policies += [policy for policy in (policies.boundary, policies.resource) if policy is not None]
    for policy in all_policies:
        for statement in policy.statements:
            yield from (condition.key for condition in statement.conditions if condition.key not in request.context)
