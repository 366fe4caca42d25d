"""The question "may this IAM principal do this in the cluster, and if not, which link is broken?"."""

from __future__ import annotations

from eks_access.errors import UsageError
from eks_access.findings import Link, Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.access_review import reviewed_link
from eks_access.questions.authorization_link import NAME as AUTHORIZATION
from eks_access.questions.authorization_link import authorization_link
from eks_access.questions.cluster_user import user_links
from eks_identity.errors import InvalidInput
from eks_identity.evaluation.rbac import Request
from eks_identity.model.arns import Principal
from eks_identity.model.lockout import Caller, same_principal

_CREATOR = (
    "the principal that created the cluster may be an administrator without a mapping: "
    "in the mode CONFIG_MAP, EKS does not show which principal that is"
)


def trace_principal(graph: AccessGraph, arn: str, request: Request) -> Trace:
    """Return every link from an IAM principal to a request, in the order in which EKS and Kubernetes evaluate them.

    The API server decides the authorization if the graph does not.
    `arn` may be that of a role's session. Raises `UsageError` for other text.
    """
    principal, session = parse_principal(graph, arn)
    found = user_links(graph, principal, request, session)
    links = list(found.links)
    if found.mapped.user is not None:
        link = authorization_link(graph, principal, found.mapped, request)
        if link.verdict is Verdict.NOT_EVALUATED:
            link = reviewed_link(graph, principal, found.mapped.user, request, link)
        links.append(link)
    else:
        links.append(Link.not_evaluated(AUTHORIZATION, "the Kubernetes user is not known"))
    notes = list(found.notes)
    if found.mapped.link is None and _may_be_creator(graph):
        notes.append(_CREATOR)
    return Trace(f"may {principal.arn} {request}?", tuple(links), tuple(notes))


def parse_principal(graph: AccessGraph, arn: str) -> tuple[Principal, str]:
    """Return the principal of an ARN, and the name of the session if it is one."""
    principal, session = require_principal(arn)
    return (_with_path(graph, principal), session) if session else (principal, session)


def require_principal(arn: str) -> tuple[Principal, str]:
    """Return the same without the role's path, which the ARN of a session lacks; raise `UsageError` for other text."""
    try:
        return Principal.parse(arn), ""
    except InvalidInput as error:
        try:
            caller = Caller.of(arn)
        except InvalidInput:
            caller = None
        if caller is None:
            problem = error.problems[0]
            raise UsageError(f"ARN {arn!r} {problem.rule}", problem.fix) from None
    return caller.principal, caller.session


def _with_path(graph: AccessGraph, role: Principal) -> Principal:
    """Return a role with its path, which the ARN of its session does not contain."""
    try:
        if graph.principals.get(role.arn) is not None:
            return role
        others = map(Principal.parse, graph.principals.all())
        return next((other for other in others if same_principal(other, role)), role)
    except NotReadError:
        return role


def _may_be_creator(graph: AccessGraph) -> bool:
    try:
        return not graph.authentication_mode().reads_access_entries
    except NotReadError:
        return False
