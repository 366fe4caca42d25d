"""Links of the caller's kubeconfig: its context, the command that gets the token, the account and the cluster."""

from __future__ import annotations

from eks_access.catalogue import caller as kinds
from eks_access.findings import Finding, Fix, Link
from eks_access.graph.caller import Caller, KubeconfigContext
from eks_access.questions.commands import advice, command

CONTEXT, COMMAND, ACCOUNT, CLUSTER = "kubeconfig context", "token command", "account", "cluster"
_NOT_FOUND = "ResourceNotFoundException"


def context_link(caller: Caller) -> Link:
    """Return whether the kubeconfig has a context for the cluster."""
    context = caller.context
    if context is not None and context.endpoint is not None:
        return Link.holds(CONTEXT, f"{context.name} of {context.file}, namespace {context.namespace}")
    says = "no kubeconfig, or none with a context of the cluster"
    if context is not None:
        says = f"context {context.name!r} has no cluster with an API server"
    fix = _update_kubeconfig(caller)
    should = "a context with the API server of the cluster"
    return Link.broken(CONTEXT, Finding(kinds.KUBECONFIG_MISSING, "kubeconfig", says, should, fix))


def command_link(caller: Caller) -> Link:
    """Return whether the context gets a token, and one that the cluster's authenticator verifies."""
    context = _context(caller)
    subject = f"user of context {context.name}"
    if not context.command:
        return Link.holds(COMMAND, "none: the kubeconfig has a certificate or a token of its own")
    if not context.is_command_found:
        says, should = f"{context.command} is not on the PATH", f"{context.command} on the PATH of kubectl"
        fix = advice(f"install {context.command}, or write its full path into the kubeconfig")
        return Link.broken(COMMAND, Finding(kinds.TOKEN_COMMAND_MISSING, subject, says, should, fix))
    role = f", in role {context.role_arn}" if context.role_arn else ""
    says = f"{context.command}{role}" + (f", region {context.token_region}" if context.token_region else "")
    if not context.cluster_region or context.token_region in ("", context.cluster_region):
        return Link.holds(COMMAND, says)
    if caller.review.username:
        return Link.holds(COMMAND, f"{says}; the cluster in {context.cluster_region} accepts its token")
    if not caller.review.is_unauthorized:
        return Link.not_evaluated(COMMAND, f"{says}, the cluster's is {context.cluster_region}; {caller.review.reason}")
    should = f"--region {context.cluster_region}"
    return Link.broken(COMMAND, Finding(kinds.TOKEN_REGION, subject, says, should, _update_kubeconfig(caller)))


def account_link(caller: Caller) -> Link:
    """Return whether the credentials are of the cluster's account, or of another one that the cluster accepts."""
    account = caller.kubectl.account
    expected = (caller.context.account if caller.context is not None else "") or caller.cluster_account
    if not expected:
        return Link.not_evaluated(ACCOUNT, f"{account}; the account of the cluster is not known")
    if account == expected:
        return Link.holds(ACCOUNT, account)
    says = f"{account}, and the cluster is in account {expected}"
    if caller.review.username:
        return Link.holds(ACCOUNT, f"{says}, which accepts it")
    if not caller.review.is_unauthorized:
        return Link.not_evaluated(ACCOUNT, f"{says}; {caller.review.reason}")
    fix = advice(f"select credentials of account {expected}: set AWS_PROFILE, or run `aws sso login` for it")
    finding = Finding(kinds.OTHER_ACCOUNT, caller.kubectl.arn, says, f"a principal of account {expected}", fix)
    return Link.broken(ACCOUNT, finding)


def cluster_link(caller: Caller) -> Link:
    """Return whether the context has the API server and certificate authority of the cluster."""
    context, actual = caller.context, caller.endpoint
    if not _account_is_same(caller) or caller.cluster_account not in ("", caller.kubectl.account):
        return Link.not_evaluated(CLUSTER, f"account {caller.kubectl.account} is not that of {caller.cluster}")
    if actual is None and caller.cluster_failure.startswith(_NOT_FOUND):
        says = f"account {caller.kubectl.account} has no cluster {caller.cluster} in {caller.region}"
        fix = advice(f"run `aws eks list-clusters --region {caller.region}`, and pass --cluster and --region of one")
        finding = Finding(kinds.CLUSTER_MISSING, f"cluster {caller.cluster}", says, "an existing cluster", fix)
        return Link.broken(CLUSTER, finding)
    if actual is None:
        return Link.not_evaluated(CLUSTER, caller.cluster_failure)
    if context is None or context.endpoint is None:
        return Link.holds(CLUSTER, f"{caller.cluster_arn}, {actual.server}")
    if context.endpoint.is_same(actual) is False:
        same = " with another certificate authority" if context.endpoint.server == actual.server else ""
        says, subject = f"{context.endpoint.server}{same}", f"context {context.name} of {context.file}"
        fix = _update_kubeconfig(caller)
        return Link.broken(CLUSTER, Finding(kinds.OTHER_CLUSTER, subject, says, actual.server, fix))
    return Link.holds(CLUSTER, f"{caller.cluster_arn}, {actual.server}")


def _account_is_same(caller: Caller) -> bool:
    expected = caller.context.account if caller.context is not None else ""
    return expected in ("", caller.kubectl.account)


def _context(caller: Caller) -> KubeconfigContext:
    assert caller.context is not None
    return caller.context


def _update_kubeconfig(caller: Caller) -> Fix:
    region = (caller.context.cluster_region if caller.context is not None else "") or caller.region
    if not caller.cluster or not region:
        return advice("run `aws eks list-clusters`, then `aws eks update-kubeconfig --name` with one of them")
    return command("aws", "eks", "update-kubeconfig", "--region", region, "--name", caller.cluster)
