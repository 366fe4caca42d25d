"""Configuration files of the control plane's programs. Pure functions from settings to JSON, which is also YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.cluster.authorizer import UID_PREFIX
from lab.pki import CertificateFiles

HEALTH_PATHS = ("/livez", "/readyz", "/healthz")
"""The only paths that EKS serves to anonymous callers."""


def build_kubeconfig(
    name: str, *, server: str, certificate_authority: Path, user: str, client: CertificateFiles | None = None
) -> str:
    """Return a kubeconfig of one cluster and one user, with a client certificate or without credentials."""
    cluster = {"server": server, "certificate-authority": str(certificate_authority)}
    credentials = (
        {} if client is None else {"client-certificate": str(client.certificate), "client-key": str(client.key)}
    )
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    return _to_json(document)


def build_authentication_config() -> str:
    """Return the AuthenticationConfiguration: anonymous access to the health paths only, as on EKS."""
    return _to_json(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH_PATHS]},
        }
    )


def build_authorization_config(webhook_kubeconfig: Path) -> str:
    """Return the AuthorizationConfiguration: Node, RBAC, then access policies for callers that IAM authenticated.

    The webhook's decisions are not cached, so that the removal of a policy takes effect at once.
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
    return _to_json(
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


def build_authenticator_config(
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
    """Return aws-iam-authenticator's configuration.

    Its certificate and the API server's kubeconfig come from the lab.
    """
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
    return _to_json({"clusterID": cluster_name, "server": server})


def _to_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)
