"""The configuration documents that the control plane's programs read: pure, from settings to JSON (which is YAML)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.cluster.authorizer import UID_PREFIX
from lab.pki import CertificateFiles

HEALTH_PATHS = ("/livez", "/readyz", "/healthz")
"""All that EKS lets anonymous callers see."""


def kubeconfig(
    name: str, *, server: str, certificate_authority: Path, user: str, client: CertificateFiles | None = None
) -> str:
    """A kubeconfig of one cluster and one user, who proves itself with a client certificate or not at all."""
    cluster = {"server": server, "certificate-authority": str(certificate_authority)}
    proof = {} if client is None else {"client-certificate": str(client.certificate), "client-key": str(client.key)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": proof}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    return _text(document)


def authentication() -> str:
    """No anonymous access but to the health paths, as on EKS."""
    return _text(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH_PATHS]},
        }
    )


def authorization(webhook_kubeconfig: Path) -> str:
    """Node and RBAC, then the access policies of the callers that came in through IAM.

    Nothing is cached, so that a policy that was taken away is gone at once.
    """
    webhook = {
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(webhook_kubeconfig)},
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "matchConditions": [{"expression": f"has(request.uid) && request.uid.startsWith('{UID_PREFIX}')"}],
        "failurePolicy": "NoOpinion",
        "timeout": "3s",
        "authorizedTTL": "1s",
        "unauthorizedTTL": "1s",
        "cacheAuthorizedRequests": False,
        "cacheUnauthorizedRequests": False,
    }
    return _text(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthorizationConfiguration",
            "authorizers": [
                {"type": "Node", "name": "node"},
                {"type": "RBAC", "name": "rbac"},
                {"type": "Webhook", "name": "eks-access-policies", "webhook": webhook},
            ],
        }
    )


def authenticator(
    *,
    cluster_name: str,
    partition: str,
    port: int,
    folder: Path,
    admin_kubeconfig: Path,
    backends: tuple[str, ...],
    mappings: Path,
    mode: Path,
) -> str:
    """aws-iam-authenticator's file. Its certificate and the API server's kubeconfig for it are written by the lab."""
    server = {
        "address": "127.0.0.1",
        "hostname": "127.0.0.1",
        "port": port,
        "partition": partition,
        "stateDir": str(folder),
        "kubeconfigPregenerated": True,
        "kubeconfig": str(admin_kubeconfig),
        "backendMode": list(backends),
        "dynamicfilepath": str(mappings),
        "dynamicfileUserIDStrict": True,
        "dynamicBackendModePath": str(mode),
    }
    return _text({"clusterID": cluster_name, "server": server})


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)
