"""Registry of the OIDC issuers of the lab's clusters and CI services.

On AWS, STS fetches `<issuer>/keys` from the internet. In the lab a cluster registers its issuer with a function that
reads the API server's public keys, and the daemon registers the issuers of CI services (`lab.ci_issuers`). STS and the
lab's server, which serves `https://oidc.eks.<region>.amazonaws.com/id/<ID>/…` as EKS does, read the keys from this
registry. IAM connects to an issuer for the thumbprint of its certificate authority, and in the lab reads that from here
too. Each process has one registry, as it has one moto state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

Jwks = Mapping[str, Any]

_lock = threading.Lock()
_issuers: dict[str, Callable[[], Jwks]] = {}
_thumbprint = ""


def register(issuer: str, jwks: Callable[[], Jwks]) -> None:
    """Register `issuer` (`https://…`, no slash at the end). `jwks` is called for each lookup of its keys."""
    with _lock:
        _issuers[issuer] = jwks


def unregister(issuer: str) -> None:
    """Remove `issuer`. An issuer that is not registered is ignored."""
    with _lock:
        _issuers.pop(issuer, None)


def fetch_jwks(issuer: str) -> Jwks | None:
    """Return the current public keys of `issuer`, or None if it is not registered."""
    with _lock:
        jwks = _issuers.get(issuer)
    return None if jwks is None else jwks()


def set_thumbprint(thumbprint: str) -> None:
    """Set the thumbprint of the certificate authority of all issuers: the lab has one."""
    global _thumbprint  # noqa: PLW0603 - see the module's docstring: one registry for each process
    _thumbprint = thumbprint


def fetch_thumbprint(issuer: str) -> str | None:
    """Return the thumbprint of the last certificate that `issuer` presents, or None if it is not registered."""
    with _lock:
        return _thumbprint if issuer in _issuers else None


def discovery_document(issuer: str) -> Mapping[str, Any]:
    """Return the OpenID configuration that EKS publishes for a cluster's issuer."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/keys",
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "iss"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
