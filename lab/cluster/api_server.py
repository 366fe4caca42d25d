"""kube-apiserver of one cluster, configured for identity as EKS configures its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.cluster import config_files, etcd
from lab.cluster.processes import Process
from lab.pki import CertificateAuthority, CertificateFiles, write_secret

SERVICE_CIDR = "10.100.0.0/16"
"""EKS's default for a VPC with another address range."""
KUBERNETES_SERVICE_IP = "10.100.0.1"
INTERNAL_AUDIENCE = "https://kubernetes.default.svc"
MAX_TOKEN_EXPIRATION = "24h"  # noqa: S105 - a duration
"""Maximum lifetime of projected service account tokens, as on EKS."""


@dataclass(frozen=True)
class SigningKeys:
    """The key pair of the cluster's service account tokens."""

    private: Path
    public: Path

    @classmethod
    def generate(cls, folder: Path) -> SigningKeys:
        """Generate an RSA key pair in `folder`: EKS signs service account tokens with RS256."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(write_secret(folder / "sa.key", private), write_secret(folder / "sa.pub", public))


@dataclass(frozen=True)
class ApiServerSettings:
    """Settings of kube-apiserver that differ between clusters."""

    port: int
    issuer: str
    serving: CertificateFiles
    kubelet_client: CertificateFiles
    authority: CertificateAuthority
    signing: SigningKeys
    authenticator_kubeconfig: Path
    authorizer_kubeconfig: Path


def start(program: str, settings: ApiServerSettings, folder: Path, logs: Path) -> Process:
    """Start the API server without waiting for it; `wait_ready` waits."""
    authentication = write_secret(folder / "authentication.json", config_files.build_authentication_config())
    authorization = write_secret(
        folder / "authorization.json", config_files.build_authorization_config(settings.authorizer_kubeconfig)
    )
    arguments = (
        program,
        f"--etcd-servers={etcd.CLIENT_URL}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={settings.port}",
        f"--tls-cert-file={settings.serving.certificate}",
        f"--tls-private-key-file={settings.serving.key}",
        f"--client-ca-file={settings.authority.file}",
        f"--authentication-config={authentication}",
        f"--authentication-token-webhook-config-file={settings.authenticator_kubeconfig}",
        "--authentication-token-webhook-version=v1",
        # The default of two minutes would delay every change of cluster access. (The API server always caches a valid
        # token for ten seconds; no flag changes that.)
        "--authentication-token-webhook-cache-ttl=0s",
        f"--authorization-config={authorization}",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-account-issuer={settings.issuer}",
        f"--service-account-jwks-uri={settings.issuer}/keys",
        f"--service-account-key-file={settings.signing.public}",
        f"--service-account-signing-key-file={settings.signing.private}",
        f"--service-account-max-token-expiration={MAX_TOKEN_EXPIRATION}",
        f"--api-audiences={INTERNAL_AUDIENCE}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={settings.authority.file}",
        f"--kubelet-client-certificate={settings.kubelet_client.certificate}",
        f"--kubelet-client-key={settings.kubelet_client.key}",
        "--profiling=false",
    )
    return Process("kube-apiserver", arguments, log=logs / "kube-apiserver.log", folder=folder, environment={})


def wait_ready(process: Process, http: httpx2.Client, timeout: float = 90) -> None:
    """Wait until `/readyz` of the API server returns 200.

    Raises:
        StartError: the API server ended, or was not ready within `timeout` seconds.
    """

    def ready() -> bool:
        try:
            return http.get("/readyz").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    process.wait_until(ready, what="ready", timeout=timeout)
