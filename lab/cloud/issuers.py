"""The token issuers that can be reached from inside the lab's AWS.

On AWS, STS fetches `<issuer>/keys` from the internet. Here a cluster registers its issuer with a function that reads
the API server's public keys, and everything that needs them asks here: STS, eks-auth, and the proxy, which answers
`https://oidc.eks.<region>.amazonaws.com/id/<ID>/…` as EKS does. The registry is one per process, like moto's state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

Jwks = Mapping[str, Any]

_lock = threading.Lock()
_issuers: dict[str, Callable[[], Jwks]] = {}


def register(issuer: str, jwks: Callable[[], Jwks]) -> None:
    """Make `issuer` (`https://…`, no slash at the end) reachable; `jwks` is called each time its keys are needed."""
    with _lock:
        _issuers[issuer] = jwks


def unregister(issuer: str) -> None:
    """Forget `issuer`; nothing happens if it was not registered."""
    with _lock:
        _issuers.pop(issuer, None)


def jwks(issuer: str) -> Jwks | None:
    """The public keys of `issuer` now, or None where no issuer of that name answers."""
    with _lock:
        read = _issuers.get(issuer)
    return None if read is None else read()


def discovery(issuer: str) -> Mapping[str, Any]:
    """The OpenID configuration that EKS publishes for a cluster's issuer."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/keys",
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "iss"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
