"""IAM policy evaluation as AWS documents it, pure: documents and a request in, a decision out.

    documents    what a policy says: statements, read from JSON or refused with every problem named
    patterns     wildcards, ARNs and policy variables
    conditions   the condition operators
    principals   whom a resource policy means
    evaluation   deny before allow, identity and resource policies, boundaries, sessions, accounts

Source of the rules: "Policy evaluation logic" and "IAM JSON policy elements reference" of the IAM user guide.
"""

from __future__ import annotations

from lab.cloud.policy.conditions import Context
from lab.cloud.policy.documents import Policy, PolicyError, Statement, parse
from lab.cloud.policy.evaluation import Decision, Policies, Request, Verdict, evaluate
from lab.cloud.policy.principals import RequestPrincipal, aws_principal, federated_principal, service_principal

__all__ = (
    "Context",
    "Decision",
    "Policies",
    "Policy",
    "PolicyError",
    "Request",
    "RequestPrincipal",
    "Statement",
    "Verdict",
    "aws_principal",
    "evaluate",
    "federated_principal",
    "parse",
    "service_principal",
)
