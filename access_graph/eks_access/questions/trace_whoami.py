"""The question "who am I in this cluster, and which link of my own credentials and kubeconfig is broken?".

| link               | depends on           | decided by                                                 |
|--------------------|----------------------|------------------------------------------------------------|
| AWS credentials    |                      | the credential chain of the token's command                |
| clock              | AWS credentials      | the `Date` of STS                                          |
| caller identity    | AWS credentials      | GetCallerIdentity, for a role in the kubeconfig AssumeRole |
| kubeconfig context |                      | the kubeconfig                                             |
| token command      | kubeconfig context   | PATH; the token's region                                   |
| account            | caller identity      | the account in the names of the context                    |
| cluster            | caller identity      | DescribeCluster: API server and certificate authority      |
| as `trace principal` | cluster, identity  | access entry or aws-auth, RBAC                             |
| API server         | context, command     | SelfSubjectReview, SelfSubjectAccessReview                 |

The API server has the last word: links that it contradicts are not broken.
"""

from __future__ import annotations

from eks_access.catalogue import caller as kinds
from eks_access.findings import Finding, Link, Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.caller import Caller
from eks_access.questions.caller_credentials import CLOCK, CREDENTIALS, IDENTITY, clock_link, credentials_link
from eks_access.questions.caller_credentials import identity_link as caller_identity_link
from eks_access.questions.caller_kubeconfig import (
    ACCOUNT,
    CLUSTER,
    COMMAND,
    CONTEXT,
    account_link,
    cluster_link,
    command_link,
    context_link,
)
from eks_access.questions.chain import Chain
from eks_access.questions.cluster_user import user_links
from eks_access.questions.commands import advice
from eks_access.questions.trace_principal import parse_principal, trace_principal
from eks_identity.evaluation.rbac import Request

SERVER = "API server"
_ANY_REQUEST = Request("list", "pods")
"""The access that the fix of a missing mapping grants if no request is traced."""


def trace_whoami(caller: Caller, graph: AccessGraph | None, failure: str, request: Request | None = None) -> Trace:
    """Return every link from the caller's credentials to the cluster, and to `request` if there is one.

    `graph` is None if the cluster cannot be read, for the reason `failure`.
    """
    chain = Chain()
    chain.add(CREDENTIALS, lambda: credentials_link(caller.kubectl))
    chain.add(CLOCK, lambda: clock_link(caller.kubectl), needs=(CREDENTIALS,))
    chain.add(IDENTITY, lambda: caller_identity_link(caller), needs=(CREDENTIALS, CLOCK))
    chain.add(CONTEXT, lambda: context_link(caller))
    chain.add(COMMAND, lambda: command_link(caller), needs=(CONTEXT,))
    chain.add(ACCOUNT, lambda: account_link(caller), needs=(IDENTITY,))
    chain.add(CLUSTER, lambda: cluster_link(caller), needs=(IDENTITY,))
    is_other_cluster = chain.links[-1].verdict is Verdict.BROKEN
    _add_principal(chain, caller, graph, failure, request)
    needs = (CONTEXT, COMMAND, IDENTITY, *((CLUSTER,) if is_other_cluster else ()))
    chain.add(SERVER, lambda: _server_link(chain, caller, request), needs=needs)
    question = f"who am I in cluster {caller.cluster or '(unknown)'}" + (f", and may I {request}?" if request else "?")
    return Trace(question, tuple(chain.links), (*_shell_notes(caller), *chain.notes))


def _add_principal(
    chain: Chain, caller: Caller, graph: AccessGraph | None, failure: str, request: Request | None
) -> None:
    """Add the links of `trace principal` for the caller's ARN."""
    name = "mapping"
    if not chain.all_hold((IDENTITY, CLUSTER)):
        chain.add_dependent(name, needs=(IDENTITY, CLUSTER))
        return
    if graph is None:
        chain.links.append(Link.not_evaluated(name, failure))
        return
    if request is not None:
        traced = trace_principal(graph, caller.kubectl.arn, request)
        links, notes = traced.links, traced.notes
    else:
        principal, session = parse_principal(graph, caller.kubectl.arn)
        found = user_links(graph, principal, _ANY_REQUEST, session)
        links, notes = tuple(found.links), tuple(found.notes)
    is_accepted = caller.review.username and (request is None or caller.review.allows)
    chain.links += [_overruled(link) if is_accepted else link for link in links]
    chain.notes += notes


def _overruled(link: Link) -> Link:
    """Return a link that the API server contradicts: of a creator of the cluster, EKS shows no mapping."""
    if link.verdict is not Verdict.BROKEN:
        return link
    return Link.holds(link.name, f"{link.says}; and yet the API server accepts the caller")


def _server_link(chain: Chain, caller: Caller, request: Request | None) -> Link:
    """Return the answer of the API server. A fault that another link has is not reported twice."""
    review = caller.review
    if review.is_unauthorized:
        says, finding = f"rejects the token: {review.reason}", _rejected
    elif not review.username:
        return Link.not_evaluated(SERVER, review.reason)
    else:
        says, finding = f"username {review.username!r}, groups {sorted(review.groups)}", _denied
        if request is None or review.allows is None:
            return Link.holds(SERVER, says)
        if review.allows:
            return Link.holds(SERVER, f"{says}: allows {request}")
        says = f"{says}: denies {request}"
    if any(link.verdict is Verdict.BROKEN for link in chain.links):
        return Link(SERVER, Verdict.BROKEN, says)
    return Link.broken(SERVER, finding(caller, says))


def _rejected(caller: Caller, says: str) -> Finding:
    fix = advice(
        "let an administrator of the cluster run "
        f"`eks-access trace principal {caller.kubectl.arn} --verb list --resource pods`; if that chain is not broken, "
        "search the authenticator's log of the control plane for 'access denied'"
    )
    return Finding(kinds.TOKEN_REJECTED, _server(caller), says, "accepts the token of a mapped principal", fix)


def _denied(caller: Caller, says: str) -> Finding:
    fix = advice("run the trace again: a change of an access entry or binding needs some seconds")
    return Finding(kinds.SERVER_DENIES, _server(caller), says, "allows what RBAC and access policies allow", fix)


def _server(caller: Caller) -> str:
    return f"API server of cluster {caller.cluster}"


def _shell_notes(caller: Caller) -> tuple[str, ...]:
    """Return that `aws` in the shell is another principal than kubectl, if it is."""
    shell, kubectl = caller.shell, caller.kubectl
    if shell.arn == kubectl.arn or not kubectl.arn:
        return ()
    name = shell.arn or f"no principal ({shell.error})"
    return (f"kubectl signs as {kubectl.arn}, and `aws` in this shell is {name}",)
