"""The issuers of CI services in the lab: tokens of the form that GitHub and GitLab issue to a job.

On AWS, STS fetches the keys of `https://token.actions.githubusercontent.com` and `https://gitlab.com`. In the lab the
daemon creates one key for each of them and publishes the public half in `lab.cloud.issuers`, as a cluster does.
`python -m lab ci-token` signs tokens with it, in place of the CI service. The keys are readable by the user only.

Source: GitHub, "OpenID Connect reference: OIDC token claims"; GitLab, "OpenID Connect (OIDC) authentication using ID
tokens: Token payload".
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.cloud import issuers
from lab.errors import StateError
from lab.lab_dir import LabDir
from lab.pki import write_secret

LIFETIME: Final = 300
"""Seconds; GitHub's tokens expire after five minutes."""
_KEY_BITS = 2048


class CiService(StrEnum):
    """A CI service, by its name in `--service`."""

    GITHUB = "github"
    GITLAB = "gitlab"

    @property
    def issuer(self) -> str:
        """The `iss` claim of the service's tokens."""
        return {"github": "https://token.actions.githubusercontent.com", "gitlab": "https://gitlab.com"}[self]


def publish(home: LabDir) -> None:
    """Create the keys that do not exist yet, and publish the public keys. Called by the daemon."""
    for service in CiService:
        file = _key_file(home, service)
        if not file.exists():
            key = rsa.generate_private_key(65537, _KEY_BITS)
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_secret(file, pem)
        issuers.register(service.issuer, partial(_read_jwks, file))


def issue(home: LabDir, service: CiService, subject: str, audience: str, lifetime: int = LIFETIME) -> str:
    """Return a signed token for the job `subject`. Raises `StateError` if the lab never ran."""
    file = _key_file(home, service)
    if not file.exists():
        raise StateError(f"lab {home.name!r} has no CI issuers", fix=f"run `python -m lab{home.option} up`")
    now = int(time.time())
    claims = {
        "iss": service.issuer,
        "sub": subject,
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, file.read_bytes(), algorithm="RS256", headers={"kid": _kid_of(file)})


def _key_file(home: LabDir, service: CiService) -> Path:
    return home.folder / "ci-issuers" / f"{service}.pem"


def _read_jwks(file: Path) -> Mapping[str, Any]:
    private: Any = serialization.load_pem_private_key(file.read_bytes(), password=None)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    return {"keys": [{**public, "kid": _kid_of(file), "use": "sig", "alg": "RS256"}]}


def _kid_of(file: Path) -> str:
    return f"lab-{file.stem}"
