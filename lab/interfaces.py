"""The interfaces between `lab.cloud` and `lab.cluster`.

The cloud owns the data of AWS's API about a cluster; a control plane owns the running processes. The cloud starts
control planes through `ControlPlanes`, and passes each of them all its identity settings, as an immutable
`ClusterIdentity`, at every change. A node makes one request to the cloud that has no public API: the credentials of its
instance role.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
"""A valid EKS cluster name. Source: CreateCluster in the EKS API reference."""


class AuthenticationMode(StrEnum):
    """The source from which EKS authenticates IAM principals. A cluster changes it in one direction, down this list."""

    CONFIG_MAP = "CONFIG_MAP"
    API_AND_CONFIG_MAP = "API_AND_CONFIG_MAP"
    API = "API"


@dataclass(frozen=True)
class ClusterKey:
    """The identity of a cluster: EKS cluster names are unique in an account and region."""

    account: str
    region: str
    name: str
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:cluster/{self.name}"


@dataclass(frozen=True)
class IamPrincipal:
    """A user or role with its unique id (`AIDA…` or `AROA…`): a recreated ARN is another principal."""

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
    """The cluster access and workload identity settings that the EKS API holds for a cluster."""

    authentication_mode: AuthenticationMode
    creator: IamPrincipal | None = None
    """The principal that created a CONFIG_MAP cluster: an administrator that no API shows.

    None once it has an entry.
    """
    access_entries: tuple[AccessEntry, ...] = ()
    associations: tuple[PodIdentityAssociation, ...] = ()
    pod_identity_agent: bool = False
    """Whether the add-on eks-pod-identity-agent is installed: without it no node serves credentials to pods."""


@dataclass(frozen=True)
class NodeGroup:
    """A managed node group: number of instances, their IAM role, and the hop limit of IMDS responses."""

    name: str
    node_role_arn: str
    size: int = 1
    hop_limit: int = 2
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeInstance:
    """The EC2 instance of a node."""

    instance_id: str
    private_dns_name: str
    zone: str
    launched: datetime


@dataclass(frozen=True)
class Credentials:
    """Temporary AWS credentials, as STS returns them."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expiration: datetime | None = None


class ControlPlane(Protocol):
    """The control plane of one running cluster."""

    @property
    def endpoint(self) -> str:
        """The URL of the API server: `https://127.0.0.1:<port>`."""

    @property
    def certificate_authority(self) -> str:
        """The certificate authority of the API server, in PEM."""

    @property
    def issuer(self) -> str:
        """The OIDC issuer: `https://oidc.eks.<region>.amazonaws.com/id/<ID>`."""

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys of the cluster's service account tokens."""

    def apply_identity(self, identity: ClusterIdentity) -> None:
        """Apply `identity`. Return when it is in effect."""

    def add_node_group(self, group: NodeGroup) -> None:
        """Start the group's nodes. Return when all are Ready."""

    def remove_node_group(self, name: str) -> None:
        """Stop the group's nodes and delete their Node objects."""

    def list_instances(self, node_group: str) -> Sequence[NodeInstance]:
        """Return the instances of a node group's nodes, none for an unknown group."""

    def map_node_role(self, role_arn: str) -> None:
        """Add the role to aws-auth as EKS does for a managed node group. Every other entry stays."""

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        """Return whether the pod with this uid exists: a token bound to a deleted pod is not valid."""

    def stop(self) -> None:
        """Stop every process of the cluster and remove its data."""


class ControlPlanes(Protocol):
    """Starts clusters. `start` blocks until the API server responds, and raises `StartError` if it never does."""

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> ControlPlane: ...


class InstanceRoles(Protocol):
    """Issues the credentials of instance roles, as EC2 does: it assumes the role under the role's trust policy."""

    def credentials(self, role_arn: str, instance_id: str) -> Credentials:
        """Return credentials of the role.

        Raises `PermissionError` if the role is missing or does not trust ec2.amazonaws.com.
        """


NODE_PROXY = Path(__file__).parent / "cloud" / "node_proxy.cjs"
NODE_OPTIONS = f"--require {json.dumps(str(NODE_PROXY))}"
"""Options of Node.js that send its TLS connections through the proxy. In quotes, a path can have spaces."""


@dataclass(frozen=True)
class CloudAccess:
    """The settings with which a program on this machine reaches the lab's AWS by AWS's own host names."""

    proxy_url: str
    """The proxy `http://127.0.0.1:<port>`, the only route to the lab's AWS. It rejects hosts that it does not serve."""
    ca_file: str
    """Path of the PEM bundle of the authority that signs the certificates of the lab's AWS."""
    region: str

    def environment(self) -> dict[str, str]:
        """Return the variables that send AWS SDKs to the lab only.

        SDKs read `HTTPS_PROXY` and a CA bundle. Node.js does not: `NODE_OPTIONS` loads a file that reads them.
        """
        proxy = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), self.proxy_url)
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1")
        trust = dict.fromkeys(
            ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
            self.ca_file,
        )
        region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), self.region)
        return {**proxy, **direct, **trust, **region, "NODE_OPTIONS": NODE_OPTIONS}


@dataclass(frozen=True)
class Programs:
    """Paths of the vendors' programs that a control plane runs."""

    etcd: str
    kube_apiserver: str
    kube_controller_manager: str
    aws_iam_authenticator: str
    kubectl: str


INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "GOGC", "GOMEMLIMIT")


def clean_environment(environ: Mapping[str, str], *, keep: Sequence[str] = INHERITED) -> dict[str, str]:
    """Return the variables of `environ` that a child process may inherit: none that name an account or an endpoint."""
    return {name: environ[name] for name in keep if name in environ}
