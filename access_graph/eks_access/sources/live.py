"""The source that fills an access graph from a living cluster and its AWS account. It only reads.

Objects are read when a question asks for them. What AWS or Kubernetes denies is `NotRead` in the graph.
`live_permissions` has the permissions that reading everything needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eks_access.errors import SourceError, UsageError
from eks_access.graph.access_graph import AccessGraph
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.sources.live_accounts import Accounts, caller_account, open_profile, reason_of
from eks_access.sources.live_connection import Connection, ContextConnection, TokenConnection
from eks_access.sources.live_eks import LiveEks, NoSuchClusterError
from eks_access.sources.live_iam import LiveIam
from eks_access.sources.live_kubeconfig import Context, find_context
from eks_access.sources.live_kubernetes import LiveKubernetes
from eks_access.sources.live_services import LiveServices
from eks_identity.model.kubeconfig import ClusterEndpoint

if TYPE_CHECKING:
    import boto3

_GLOBAL_REGION = "us-east-1"
"""Region of IAM in most partitions."""
_NO_CLUSTER = "pass --cluster NAME --region REGION, or run `aws eks update-kubeconfig --name NAME --region REGION`"


def open_live(
    cluster: str | None = None,
    *,
    region: str | None = None,
    context: str | None = None,
    kubeconfig: Path | None = None,
    profile: str | None = None,
    accounts: Mapping[str, str] | None = None,
) -> AccessGraph:
    """Return the access graph of a living cluster.

    Args:
        cluster: Name of the EKS cluster; by default that of the kubeconfig's context.
        region: Region of the cluster; by default that of the context, else that of the AWS configuration.
        context: Context of the kubeconfig; by default that of `cluster`, else the current one.
        kubeconfig: File; by default `$KUBECONFIG`, else `~/.kube/config`. Without a context of the cluster, the token
            is signed with the AWS credentials.
        profile: AWS profile; by default that of the context's token command, else that of the environment.
        accounts: Role ARN to assume, or profile, by the id of another account.

    Raises:
        UsageError: An argument names something that does not exist.
        SourceError: Neither the cluster's API server nor its AWS account can be read.
    """
    selected = find_context(kubeconfig, context, cluster, region)
    name = cluster or (selected.cluster_name if selected else None)
    if name is None:
        what = f"context {selected.name!r} of {selected.file}" if selected else "no kubeconfig, and no cluster named"
        raise SourceError(f"the EKS cluster is not known: {what}", _NO_CLUSTER)
    session, failure = _open_session(profile or (selected.profile if selected else None), is_explicit=bool(profile))
    region = region or (selected.region if selected else None) or (session.region_name if session else None)
    if region is None:
        raise SourceError(f"the region of cluster {name} is not known", "pass --region REGION")
    aws = _open_accounts(session, failure, region, selected.account if selected else None, accounts or {})
    eks = LiveEks(aws, name)
    connection = _connect(selected, eks, aws, region)
    kubernetes = LiveKubernetes(connection, eks)
    _require_reachable(name, eks, kubernetes, selected)
    iam = LiveIam(aws)
    return AccessGraph(
        source=f"cluster {name} in {region}" + (f" of account {aws.cluster_account}" if aws.cluster_account else ""),
        cluster=eks.cluster,
        principals=iam.principals,
        groups=iam.groups,
        policies=iam.policies,
        oidc_providers=iam.oidc_providers,
        entries=eks.entries,
        aws_auth=kubernetes.aws_auth,
        associations=eks.associations,
        rbac_roles=kubernetes.rbac_roles,
        rbac_bindings=kubernetes.rbac_bindings,
        service_accounts=kubernetes.service_accounts,
        pods=kubernetes.pods,
        nodes=kubernetes.nodes,
        has_pod_identity_agent=kubernetes.has_pod_identity_agent,
        services=LiveServices(connection, aws),
    )


def open_account(*, region: str | None = None, profile: str | None = None) -> AccessGraph:
    """Return the access graph of the IAM of an account, that of the AWS credentials. It has no cluster.

    Raises:
        UsageError: `profile` does not exist.
        SourceError: The credentials cannot be used.
    """
    session, failure = _open_session(profile, is_explicit=bool(profile))
    region = region or (session.region_name if session else None) or _GLOBAL_REGION
    aws = _open_accounts(session, failure, region, None, {})
    if not aws.cluster_account:
        fix = "run `aws sts get-caller-identity` and fix what it reports"
        raise SourceError(f"the AWS account cannot be read: {aws.failure}", fix)
    iam, reason = LiveIam(aws), "the graph is that of an account"
    return AccessGraph(
        source=f"account {aws.cluster_account}",
        cluster=Part.not_read("cluster", reason),
        principals=iam.principals,
        groups=iam.groups,
        policies=iam.policies,
        oidc_providers=iam.oidc_providers,
        entries=Table.not_read("access entries", reason),
        aws_auth=Part.not_read("ConfigMap aws-auth", reason),
        associations=Table.not_read("Pod Identity associations", reason),
        rbac_roles=Table.not_read("RBAC roles", reason),
        rbac_bindings=Table.not_read("RBAC bindings", reason),
        service_accounts=Table.not_read("service accounts", reason),
        pods=Table.not_read("pods", reason),
        nodes=Table.not_read("nodes", reason),
        has_pod_identity_agent=Part.not_read("Pod Identity Agent", reason),
    )


def _open_session(profile: str | None, *, is_explicit: bool) -> tuple[boto3.Session | None, str]:
    """Return the session, or the reason why there is none."""
    try:
        return open_profile(profile), ""
    except BotoCoreError as error:
        if is_explicit:
            raise UsageError(f"--profile must be a profile of the AWS configuration: {profile}", str(error)) from error
        return None, reason_of(error, "sts")


def _open_accounts(
    session: boto3.Session | None, failure: str, region: str, cluster_account: str | None, others: Mapping[str, str]
) -> Accounts:
    """Return the sessions by account. Credentials that do not work are the reason for all that is not read."""
    caller = None
    if session is not None:
        try:
            caller = caller_account(session, region)
        except (BotoCoreError, ClientError) as error:
            failure = reason_of(error, "sts")
    sessions = {caller: session} if caller is not None and session is not None else {}
    if caller is not None and cluster_account not in (None, caller):
        failure = (
            f"the AWS credentials are of account {caller}, and the cluster is in account {cluster_account}; pass "
            f"--profile PROFILE, or --account {cluster_account}=ROLE_OR_PROFILE"
        )
    return Accounts(sessions, region, cluster_account or caller or "", others, failure)


def _connect(selected: Context | None, eks: LiveEks, aws: Accounts, region: str) -> Connection:
    if selected is not None:
        return ContextConnection(selected)
    return TokenConnection(lambda: aws.cluster_session("API server"), region, eks.description.get)


def _require_reachable(name: str, eks: LiveEks, kubernetes: LiveKubernetes, selected: Context | None) -> None:
    """Raise `SourceError` if there is nothing to read, or if the context is of another cluster."""
    try:
        description = eks.description.get()
    except NoSuchClusterError as error:
        raise SourceError(str(error), "pass --cluster, --region and --profile of an existing cluster") from error
    except NotReadError as in_aws:
        try:
            kubernetes.check()
        except NotReadError as in_kubernetes:
            raise SourceError(
                f"cluster {name} cannot be read: {in_aws}; {in_kubernetes}",
                "run `aws sts get-caller-identity` and `kubectl get namespaces` and fix what they report",
            ) from in_kubernetes
        return
    actual = ClusterEndpoint.of(
        description.get("endpoint", ""), description.get("certificateAuthority", {}).get("data")
    )
    server = selected.endpoint() if selected is not None else None
    if selected is not None and server is not None and server.is_same(actual) is False:
        raise SourceError(
            f"context {selected.name!r} of {selected.file} is of another cluster than {description['arn']}: its API "
            f"server is {server.server}, and that of the cluster is {actual.server}",
            f"pass --context, or run `aws eks update-kubeconfig --name {name}`",
        )
