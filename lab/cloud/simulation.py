"""SimulatePrincipalPolicy and SimulateCustomPolicy: the lab's own judgement, asked what it would say."""

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
    """One EvaluationResult for each action on each resource."""
    return [
        _result(policies, Request(action, resource, principal, context))
        for action in actions
        for resource in resources or ["*"]
    ]


def context_values(entries: Iterable[Mapping[str, Any]]) -> Values:
    """The ContextEntries of a call."""
    return {str(entry["ContextKeyName"]): tuple(map(str, entry.get("ContextKeyValues", ()))) for entry in entries}


def _result(policies: Policies, request: Request) -> dict[str, Any]:
    verdict = evaluate(request, policies)
    result: dict[str, Any] = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": verdict.decision.value,
        "MatchedStatements": [
            {"SourcePolicyId": policy.name, "SourcePolicyType": "IAM Policy"} for policy, _ in verdict.statements
        ],
        "MissingContextValues": sorted(set(_missing(policies, request))),
    }
    if policies.boundary is not None:
        bounded = evaluate(request, Policies(identity=[policies.boundary]))
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": bounded.decision is Decision.ALLOWED
        }
    return result


def _missing(policies: Policies, request: Request) -> Iterator[str]:
    """Keys that conditions ask for and that the simulated request lacks."""
    every: list[Policy] = [*policies.identity, *policies.session]
    every += [policy for policy in (policies.boundary, policies.resource) if policy is not None]
    for policy in every:
        for statement in policy.statements:
            yield from (entry.key for entry in statement.conditions if entry.key not in request.context)
