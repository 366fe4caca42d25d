"""The authorization by the API server itself, for a link that was not evaluated: SubjectAccessReview.

A review names the user as the authenticator of EKS does, with the unique id of the IAM principal. AWS does not document
whether access policies count in a review: for a user who has one, only a "yes" decides.

Source: Kubernetes, Authorization, "Checking API access"; aws-iam-authenticator, `UserInfo` of a verified identity.
"""

from __future__ import annotations

from eks_access.catalogue import services as kinds
from eks_access.findings import Finding, Fix, Link, ServiceAnswer, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.services import AccessReview, ReviewedUser
from eks_access.graph.tables import NotReadError
from eks_access.questions import grants
from eks_access.questions.chain import read_or
from eks_access.questions.commands import advice
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.evaluation.rbac import AUTHENTICATED, Request
from eks_identity.model.arns import Principal

REVIEW = "SubjectAccessReview"


def reviewed_link(
    graph: AccessGraph, principal: Principal, user: ClusterUser, request: Request, undecided: Link
) -> Link:
    """Return the API server's answer in place of the link `undecided`; the link with the reason if there is none."""
    reviewed = _reviewed_user(graph, principal, user)
    try:
        review = graph.services.review_access(reviewed, request)
    except NotReadError as error:
        return Link.not_evaluated(undecided.name, f"{undecided.says}; {error}")
    words = f"{REVIEW}: {_answer(review)} for {reviewed}"
    if not review.is_allowed and user.policies:
        reason = f"{undecided.says}; {words}, which may be without the access policies"
        return Link.not_evaluated(undecided.name, reason)
    not_read = (*graph.rbac_roles.failures(), *graph.rbac_bindings.failures())
    answer = ServiceAnswer(REVIEW, undecided.says, not_read)
    says = f"{words}; not evaluated without it: {undecided.says}"
    if review.is_allowed:
        return Link(undecided.name, Verdict.HOLDS, says, answer=answer)
    should = f"the API server allows {request}"
    finding = Finding(kinds.REVIEW_DENIES, principal.arn, says, should, _fix(user, request, review))
    return Link(undecided.name, Verdict.BROKEN, says, finding, answer)


def _fix(user: ClusterUser, request: Request, review: AccessReview) -> Fix:
    """Return the commands that bind a group of the user: RBAC adds up, whatever was not read."""
    if review.is_denied:
        return advice(f"change the authorizer that denies the request, as no binding can allow it: {review.reason}")
    group = next((name for name in user.groups if not name.startswith("system:")), None)
    if group is None:
        return advice(f"add a group to the mapping, and bind it to a role that allows {request}")
    return grants.grant_to_group(group, request)


def _answer(review: AccessReview) -> str:
    decision = "allowed" if review.is_allowed else "denied" if review.is_denied else "not allowed"
    return f"{decision} ({review.reason})" if review.reason else decision


def _reviewed_user(graph: AccessGraph, principal: Principal, user: ClusterUser) -> ReviewedUser:
    """Return the user with what the authenticator adds to it, as far as it is known."""
    existing = read_or(lambda: graph.principals.get(principal.arn), None)
    groups = (*user.groups, AUTHENTICATED)
    if existing is None or not existing.unique_id:
        return ReviewedUser(user.username, groups)
    extra = {
        "arn": (principal.arn,),
        "canonicalArn": (principal.aws_auth_arn,),
        "principalId": (existing.unique_id,),
    }
    uid = f"aws-iam-authenticator:{principal.account}:{existing.unique_id}"
    return ReviewedUser(user.username, groups, uid, extra)
