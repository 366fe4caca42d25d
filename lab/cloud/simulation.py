"""SimulatePrincipalPolicy and SimulateCustomPolicy, with the lab's own policy evaluation.

One EvaluationResult for each action: the most restrictive decision on the resources, and in `ResourceSpecificResults`
that on each. Without resources, or with `*` alone, there is only the former. `StartPosition` and `EndPosition` of
statements are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lab.cloud.context import Values
from lab.cloud.policy import Context, Decision, Policies, Policy, Request, RequestPrincipal, Statement, evaluate
from lab.cloud.service_authorization import find_action

_ANY = "*"
_VARIABLE = re.compile(r"\$\{\s*(?P<key>[^},*?$]+?)\s*[},]")
_RESTRICTIVE = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY, Decision.ALLOWED)
"""Decisions from the one that overrides all others."""


def simulate(
    policies: Policies,
    *,
    actions: Iterable[str],
    resources: Sequence[str],
    context: Context,
    principal: RequestPrincipal | None = None,
) -> list[dict[str, Any]]:
    """Return one EvaluationResult of the API for each action."""
    return [
        _simulate_action(policies, action, [Request(action, each, principal, context) for each in resources or [_ANY]])
        for action in actions
    ]


def context_values(entries: Iterable[Mapping[str, Any]]) -> Values:
    """Return the condition context of a call's ContextEntries."""
    return {str(entry["ContextKeyName"]): tuple(map(str, entry.get("ContextKeyValues", ()))) for entry in entries}


def _simulate_action(policies: Policies, action: str, requests: Sequence[Request]) -> dict[str, Any]:
    specific = [_simulate_request(policies, request) for request in requests]
    decision = min((each["EvalResourceDecision"] for each in specific), key=_RESTRICTIVE.index)
    deciding = [each for each in specific if each["EvalResourceDecision"] is decision]
    matched = [statement for each in deciding for statement in each["MatchedStatements"]]
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": _resource_name(action, requests),
        "EvalDecision": decision.value,
        "MatchedStatements": [each for index, each in enumerate(matched) if each not in matched[:index]],
        "MissingContextValues": sorted({key for each in specific for key in each["MissingContextValues"]}),
    }
    if policies.boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": all(_is_in_boundary(policies.boundary, request) for request in requests)
        }
    if [request.resource for request in requests] != [_ANY]:
        result["ResourceSpecificResults"] = specific
    return result


def _simulate_request(policies: Policies, request: Request) -> dict[str, Any]:
    evaluation = evaluate(request, policies)
    result: dict[str, Any] = {
        "EvalResourceName": request.resource,
        "EvalResourceDecision": evaluation.decision,
        "MatchedStatements": [
            {"SourcePolicyId": policy.name, "SourcePolicyType": "IAM Policy"} for policy, _ in evaluation.statements
        ],
        "MissingContextValues": sorted(set(_missing_keys(policies, request))),
    }
    if policies.boundary is not None:
        allowed = _is_in_boundary(policies.boundary, request)
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    return result


def _is_in_boundary(boundary: Policy, request: Request) -> bool:
    return evaluate(request, Policies(identity=[boundary])).allowed


def _resource_name(action: str, requests: Sequence[Request]) -> str:
    """Return the ARN template of the resource type of the first resource, `*` if the action has none."""
    found = find_action(action)
    types = found.resource_types if found is not None else ()
    matching = (each.arn_format for each in types if each.matches(requests[0].resource))
    return next(matching, types[0].arn_format if types else _ANY)


def _missing_keys(policies: Policies, request: Request) -> Iterator[str]:
    """Yield the condition keys and variables that the policies use and the simulated request lacks."""
    all_policies: list[Policy] = [*policies.identity, *policies.session]
    all_policies += [policy for policy in (policies.boundary, policies.resource) if policy is not None]
    for policy in all_policies:
        for statement in policy.statements:
            keys = [condition.key for condition in statement.conditions]
            keys += _variables(statement) if policy.has_variables else []
            yield from (key for key in keys if key not in request.context)


def _variables(statement: Statement) -> Iterator[str]:
    """Yield the keys of the policy variables in the resources and conditions of a statement."""
    templates = [*(statement.resources or ()), *(statement.not_resources or ())]
    templates += [value for condition in statement.conditions for value in condition.values]
    for template in templates:
        yield from (match["key"] for match in _VARIABLE.finditer(template))
