"""IAM policy evaluation as AWS documents it: pure functions from policy documents and a request to a decision.

    documents    parsing and validation of policy documents; an error lists all problems
    patterns     wildcards, ARNs and policy variables
    conditions   the condition operators
    principals   the `Principal` element of resource-based policies
    evaluation   deny before allow, identity-based and resource-based policies, boundaries, sessions, accounts

Source: "Policy evaluation logic" and "IAM JSON policy elements reference" of the IAM user guide.
"""

from __future__ import annotations

from lab.cloud.policy.conditions import Context
from lab.cloud.policy.documents import Policy, PolicyError, Statement, parse
from lab.cloud.policy.evaluation import Decision, EvaluationResult, Policies, Request, evaluate
from lab.cloud.policy.principals import RequestPrincipal, aws_principal, federated_principal, service_principal

__all__ = (
    "Context",
    "Decision",
    "EvaluationResult",
    "Policies",
    "Policy",
    "PolicyError",
    "Request",
    "RequestPrincipal",
    "Statement",
    "aws_principal",
    "evaluate",
    "federated_principal",
    "parse",
    "service_principal",
)
