"""Links from an IAM principal to its Kubernetes user: principal, authentication mode, access entry or aws-auth mapping.

EKS looks for an access entry first, then in aws-auth; the first match decides, and groups are never merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Fix, Link, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions import aws_auth_link, commands
from eks_access.questions.access_entry_link import access_entry_link
from eks_access.questions.chain import read_or
from eks_access.questions.grants import grant_access
from eks_access.questions.mapped_users import MappedUser, is_same_identity
from eks_identity.evaluation.rbac import Request
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal, PrincipalKind


@dataclass
class UserLinks:
    """The links from a principal to its user. `mapped.user` is None if a link is broken or was not evaluated."""

    links: list[Link] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mapped: MappedUser = field(default_factory=MappedUser)

    def add(self, mapped: MappedUser) -> None:
        """Add the link of a mapping, if there is one."""
        if mapped.link is not None:
            self.links.append(mapped.link)
        self.notes += mapped.notes
        self.mapped = mapped


def user_links(graph: AccessGraph, principal: Principal, request: Request, session: str = "") -> UserLinks:
    """Return the links from a principal to its Kubernetes user. A fix grants access to `request`."""
    found = UserLinks([principal_link(graph, principal)])
    try:
        mode = graph.authentication_mode()
    except NotReadError as error:
        found.links.append(Link.not_evaluated("authentication mode", str(error)))
        return found
    found.links.append(Link.holds("authentication mode", mode))
    if found.links[0].verdict is Verdict.BROKEN:
        return found
    if mode.reads_access_entries:
        found.add(access_entry_link(graph, principal, session))
    if mode.reads_aws_auth and found.mapped.entry is not None:
        found.notes += aws_auth_link.shadowed_by_entry(graph, principal)
    if mode.reads_aws_auth and (found.mapped.link is None or found.mapped.link.verdict is Verdict.NOT_EVALUATED):
        found.add(aws_auth_link.aws_auth_link(graph, principal, request, session))
    if found.mapped.link is None and not any(link.verdict is Verdict.NOT_EVALUATED for link in found.links[2:]):
        found.links.append(_unmapped(graph, principal, mode, request))
    return found


def principal_link(graph: AccessGraph, principal: Principal) -> Link:
    """Return whether IAM has the principal."""
    name = "IAM principal"
    if principal.kind is PrincipalKind.ROOT:
        return Link.holds(name, f"root user of account {principal.account}")
    try:
        if graph.principals.get(principal.arn) is not None:
            return Link.holds(name, principal.arn)
    except NotReadError as error:
        return Link.not_evaluated(name, str(error))
    subject = f"IAM {principal.kind} {principal.arn}"
    says = f"account {principal.account} has no {principal.kind} {principal.path}{principal.name}"
    should, fix = _existing_principal(graph, principal)
    return Link.broken(name, Finding(kinds.PRINCIPAL_MISSING, subject, says, should, fix))


def _existing_principal(graph: AccessGraph, principal: Principal) -> tuple[str, Fix]:
    """Return the principal that a missing one should be, with the fix."""
    try:
        similar = next((arn for arn in graph.principals.all() if is_same_identity(principal, arn)), None)
    except NotReadError:
        similar = None
    if similar is not None:
        return similar, commands.advice(f"run the trace with {similar}")
    if principal.kind is PrincipalKind.USER:
        create = ("aws", "iam", "create-user", "--user-name", principal.name, "--path", principal.path)
        cluster_account = read_or(lambda: graph.cluster.get().account, "")
        return "an existing user", commands.in_account(commands.command(*create), principal.account, cluster_account)
    return "an existing role", commands.advice("run the trace with the ARN that `aws iam get-role` prints")


def _unmapped(graph: AccessGraph, principal: Principal, mode: AuthenticationMode, request: Request) -> Link:
    """Return the broken link of a principal that the cluster maps to no user."""
    name = {
        AuthenticationMode.API: "access entry",
        AuthenticationMode.CONFIG_MAP: "aws-auth mapping",
        AuthenticationMode.API_AND_CONFIG_MAP: "access entry or aws-auth mapping",
    }[mode]
    finding = _ignored_entry(graph, principal, mode) or aws_auth_link.ignored_mapping(graph, principal, mode)
    if finding is None:
        fix = grant_access(graph, principal, mode, request)
        finding = Finding(kinds.NOT_MAPPED, principal.arn, f"no {name}", f"an {name} with access to the request", fix)
    return Link.broken(name, finding)


def _ignored_entry(graph: AccessGraph, principal: Principal, mode: AuthenticationMode) -> Finding | None:
    """Return the finding of an access entry that the authentication mode ignores."""
    try:
        if mode.reads_access_entries or graph.entries.get(principal.arn) is None:
            return None
    except NotReadError:
        return None
    cluster = graph.cluster.get()
    target = AuthenticationMode.API_AND_CONFIG_MAP
    update = ("aws", "eks", "update-cluster-config", "--region", cluster.region, "--name", cluster.name)
    fix = commands.command(*update, "--access-config", f"authenticationMode={target}")
    return Finding(kinds.ENTRIES_IGNORED, f"cluster {cluster.name}", f"authentication mode {mode}", target, fix)
