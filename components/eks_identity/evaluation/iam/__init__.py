"""Evaluation of IAM policies: whether a request is allowed, by which statement, and what that depends on.

    evaluate(Request("s3:GetObject", object_arn, principal, context), Policies(identity=[policy]))

The answer is `ALLOWED`, `DENIED`, `CONDITIONAL` with the conditions that decide, or `NOT_EVALUATED` with what is not
understood. `contains` compares two sets of policies by what they allow.

    truth          three truth values
    patterns       wildcards and policy variables
    documents      policy documents as typed statements
    context        condition keys that are present, absent or unknown
    conditions     condition operators
    principals     the principal of a request, and the `Principal` element
    statements     whether one statement applies
    decision       the types of policies and of the result
    evaluation     the decision of all policies
    containment    whether policies allow all that other policies allow

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements reference".
"""

from eks_identity.evaluation.iam.containment import contains
from eks_identity.evaluation.iam.context import RequestContext, Values
from eks_identity.evaluation.iam.decision import (
    Answer,
    Evaluation,
    Policies,
    PolicyType,
    Reason,
    UndecidedStatement,
)
from eks_identity.evaluation.iam.documents import Condition, Document, Policy, Statement
from eks_identity.evaluation.iam.evaluation import evaluate
from eks_identity.evaluation.iam.patterns import matches
from eks_identity.evaluation.iam.principals import Grant, RequestPrincipal
from eks_identity.evaluation.iam.statements import Request, UndecidedPart
from eks_identity.evaluation.iam.truth import Truth

__all__ = (
    "Answer",
    "Condition",
    "Document",
    "Evaluation",
    "Grant",
    "Policies",
    "Policy",
    "PolicyType",
    "Reason",
    "Request",
    "RequestContext",
    "RequestPrincipal",
    "Statement",
    "Truth",
    "UndecidedPart",
    "UndecidedStatement",
    "Values",
    "contains",
    "evaluate",
    "matches",
)
