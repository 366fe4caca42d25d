"""The caller: the credentials of a shell, and the context of its kubeconfig. They contain no secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from eks_identity.model.arns import account_of
from eks_identity.model.kubeconfig import ClusterEndpoint


@dataclass(frozen=True)
class Credentials:
    """Credentials of AWS, and what GetCallerIdentity returns for them."""

    origin: str
    """Where they come from, as botocore names it: `env`, `shared-credentials-file`, `sso`, `assume-role` …"""
    profile: str = ""
    access_key_id: str = ""
    """Empty if there are no credentials."""
    arn: str = ""
    """ARN of the caller; empty if STS rejects the credentials or cannot be reached."""
    error: str = ""
    """Error code of STS, or name of the client's error, such as `NoCredentialsError`."""
    message: str = ""
    clock_skew: timedelta | None = None
    """Clock of this machine minus the Date of the response; None without a response."""
    is_undecided: bool = False
    """Whether STS throttled the call or failed, and so did not decide about the credentials."""

    @property
    def account(self) -> str:
        """The account of the caller, empty if it is not known."""
        return account_of(self.arn) if self.arn else ""

    def __str__(self) -> str:
        profile = f"profile {self.profile}, " if self.profile else ""
        return f"{profile}{self.origin}, access key {self.access_key_id}"


@dataclass(frozen=True)
class KubeconfigContext:
    """The context with which kubectl calls the cluster."""

    name: str
    file: str
    namespace: str
    endpoint: ClusterEndpoint | None
    """API server and certificate authority; None if the kubeconfig lacks them."""
    command: str = ""
    """Program that gets the token; empty without one."""
    is_command_found: bool = True
    token_region: str = ""
    """Region whose STS verifies the token; empty if the context does not name one."""
    cluster_region: str = ""
    """Region of the cluster; empty if neither names nor server tell it."""
    account: str = ""
    """Account of the cluster; empty if no name tells it."""
    role_arn: str = ""
    """Role that the command assumes."""


@dataclass(frozen=True)
class ServerReview:
    """The answer of the API server to SelfSubjectReview and SelfSubjectAccessReview."""

    username: str = ""
    """Empty if the API server rejected the token, or was not reached."""
    groups: tuple[str, ...] = ()
    is_unauthorized: bool = False
    allows: bool | None = None
    """Whether it allows the request; None if it was not asked."""
    reason: str = ""
    """Why it was not reached."""


@dataclass(frozen=True)
class Caller:
    """The credentials and the kubeconfig of the caller."""

    shell: Credentials
    """Credentials of `aws` in this shell."""
    kubectl: Credentials
    """Credentials with which the context's command signs the token; those of the shell without a context."""
    context: KubeconfigContext | None
    cluster: str = ""
    """Name of the cluster."""
    region: str = ""
    cluster_arn: str = ""
    """Empty if DescribeCluster failed."""
    endpoint: ClusterEndpoint | None = None
    """That of DescribeCluster."""
    cluster_failure: str = ""
    """Why DescribeCluster failed."""
    review: ServerReview = ServerReview()

    @property
    def cluster_account(self) -> str:
        """The account of the cluster, empty if it is not known."""
        return account_of(self.cluster_arn) if self.cluster_arn else ""
