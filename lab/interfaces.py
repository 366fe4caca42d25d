"""What `cloud` and `cluster` know of each other, and nothing more.

The cloud owns what AWS's API says about a cluster; a control plane owns what runs. The cloud starts control planes
through `ControlPlanes`, and hands each of them its identity settings whole, as an immutable `ClusterIdentity`, at
every change. A node asks the cloud for one thing that has no public API: the credentials of its instance role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
"""What EKS takes as the name of a cluster (CreateCluster in its API reference)."""


class AuthenticationMode(StrEnum):
    """Where EKS looks an IAM principal up. Changes go one way, down this list."""

    CONFIG_MAP = "CONFIG_MAP"
    API_AND_CONFIG_MAP = "API_AND_CONFIG_MAP"
    API = "API"


@dataclass(frozen=True)
class ClusterKey:
    """What names a cluster: EKS cluster names are unique in an account and region."""

    account: str
    region: str
    name: str
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:cluster/{self.name}"


@dataclass(frozen=True)
class IamPrincipal:
    """A user or role with its unique id (`AIDA…` or `AROA…`): an ARN made again is not the same principal."""

    arn: str
    unique_id: str


@dataclass(frozen=True)
class AssociatedAccessPolicy:
    """An EKS access policy on an access entry; no namespaces means the whole cluster."""

    policy_arn: str
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessEntry:
    principal: IamPrincipal
    username: str
    kubernetes_groups: tuple[str, ...] = ()
    type: str = "STANDARD"
    policies: tuple[AssociatedAccessPolicy, ...] = ()


@dataclass(frozen=True)
class PodIdentityAssociation:
    association_id: str
    namespace: str
    service_account: str
    role_arn: str
    target_role_arn: str | None = None
    disable_session_tags: bool = False


@dataclass(frozen=True)
class ClusterIdentity:
    """Everything that the API says about who may enter a cluster, and what its pods may become."""

    authentication_mode: AuthenticationMode
    creator: IamPrincipal | None = None
    """The principal that made a CONFIG_MAP cluster and administers it invisibly; None once it has an access entry."""
    access_entries: tuple[AccessEntry, ...] = ()
    associations: tuple[PodIdentityAssociation, ...] = ()
    pod_identity_agent: bool = False
    """Whether the add-on eks-pod-identity-agent is installed: without it no node gives pods credentials."""


@dataclass(frozen=True)
class NodeGroup:
    """What a node group's instances are: how many, with which role, and how far IMDS answers travel."""

    name: str
    node_role_arn: str
    size: int = 1
    hop_limit: int = 2
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Credentials:
    """Temporary AWS credentials, as STS gives them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


class ControlPlane(Protocol):
    """One running cluster."""

    @property
    def endpoint(self) -> str:
        """`https://127.0.0.1:<port>`"""

    @property
    def certificate_authority(self) -> str:
        """PEM"""

    @property
    def issuer(self) -> str:
        """`https://oidc.eks.<region>.amazonaws.com/id/<ID>`"""

    def jwks(self) -> Mapping[str, Any]:
        """The public keys that the cluster signs service account tokens with."""

    def apply_identity(self, identity: ClusterIdentity) -> None:
        """Put `identity` into effect; returns when it is."""

    def add_node_group(self, group: NodeGroup) -> None:
        """Start the group's nodes; returns when all are Ready."""

    def remove_node_group(self, name: str) -> None:
        """Stop the group's nodes and take their Node objects away."""

    def map_node_role(self, role_arn: str) -> None:
        """Write the role into aws-auth as EKS does for a managed node group, keeping every other entry."""

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        """Whether this very pod is there now: a token bound to a deleted pod is worth nothing."""

    def stop(self) -> None:
        """Stop every process of the cluster and remove its data."""


class ControlPlanes(Protocol):
    """Starts clusters. `start` blocks until the API server answers, and raises `StartError` if it never does."""

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> ControlPlane: ...


class InstanceRoles(Protocol):
    """What EC2 does for an instance: assume its role by the role's own trust policy."""

    def credentials(self, role_arn: str, instance_id: str) -> Credentials:
        """Raises `PermissionError` where the role is missing or does not trust ec2.amazonaws.com."""


@dataclass(frozen=True)
class CloudAccess:
    """What a program on this machine needs to reach the lab's AWS by AWS's own host names."""

    proxy_url: str
    """`http://127.0.0.1:<port>`, the only way in; it refuses every host that it does not stand in for."""
    ca_file: str
    """PEM bundle that signs the host names of the lab's AWS."""
    region: str

    def environment(self) -> dict[str, str]:
        """The variables that send an AWS SDK, in any language, to the lab and nowhere else."""
        proxy = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), self.proxy_url)
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1")
        trust = dict.fromkeys(
            ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
            self.ca_file,
        )
        return {**proxy, **direct, **trust, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}


@dataclass(frozen=True)
class Programs:
    """Paths of the vendor's programs that a control plane runs."""

    etcd: str
    kube_apiserver: str
    kube_controller_manager: str
    aws_iam_authenticator: str
    kubectl: str


INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "GOGC", "GOMEMLIMIT")


def clean_environment(environ: Mapping[str, str], *, keep: Sequence[str] = INHERITED) -> dict[str, str]:
    """The variables of `environ` that a child process may inherit: none that name an account or an endpoint."""
    return {name: environ[name] for name in keep if name in environ}
