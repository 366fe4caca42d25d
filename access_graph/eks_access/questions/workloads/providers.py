"""The link of the IAM OIDC provider: that of the cluster's issuer, in the role's account, with the token's audience."""

from __future__ import annotations

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, FindingKind, Fix, Link
from eks_access.questions import commands
from eks_access.questions.chain import read_or
from eks_access.questions.workloads.workload import Identity, Workload
from eks_identity.model.arns import account_of

PROVIDER = "OIDC provider"


def provider_arn(workload: Workload, identity: Identity) -> str:
    """Return the ARN of the provider that STS looks up for the role's account."""
    return workload.issuer.provider_arn(workload.partition, account_of(identity.role_arn))


def provider_link(workload: Workload, identity: Identity) -> Link:
    """Return whether the role's account has the provider, with the token's audience."""
    arn, audience = provider_arn(workload, identity), workload.audience()
    provider = workload.graph.oidc_providers.get(arn)
    if provider is None:
        kind, says = _fault(workload, arn)
        finding = Finding(kind, f"IAM OIDC provider {arn}", says, arn, create_provider(workload))
        return Link.broken(PROVIDER, finding)
    if audience not in provider.audiences:
        says, should = f"client ids {', '.join(provider.audiences) or 'none'}", f"client ids with {audience}"
        options = ("--open-id-connect-provider-arn", arn, "--client-id", audience)
        fix = commands.command("aws", "iam", "add-client-id-to-open-id-connect-provider", *options)
        finding = Finding(kinds.PROVIDER_AUDIENCE, f"IAM OIDC provider {arn}", says, should, fix)
        return Link.broken(PROVIDER, finding)
    return Link.holds(PROVIDER, f"{arn} with client id {audience}")


def create_provider(workload: Workload) -> Fix:
    """Return the command that creates the provider. It needs credentials of the role's account."""
    create = ("--url", workload.issuer.url, "--client-id-list", workload.audience())
    return commands.command("aws", "iam", "create-open-id-connect-provider", *create)


def _fault(workload: Workload, arn: str) -> tuple[FindingKind, str]:
    """Return the kind of a missing provider, and the existing ones that it may be mistaken for."""
    others = read_or(lambda: list(workload.graph.oidc_providers.all()), ())
    issuer, account = workload.issuer.host_and_path, account_of(arn)
    elsewhere = [other for other in others if other.endswith(f":oidc-provider/{issuer}")]
    if elsewhere:
        return kinds.PROVIDER_IN_OTHER_ACCOUNT, f"account {account} has none; the existing one is {elsewhere[0]}"
    of_clusters = [other for other in others if account_of(other) == account and ":oidc-provider/oidc.eks." in other]
    if of_clusters:
        return kinds.PROVIDER_OF_OTHER_ISSUER, f"account {account} has {', '.join(of_clusters)}"
    return kinds.PROVIDER_MISSING, f"account {account} has no provider for {workload.issuer.url}"
