"""Verification of web identity tokens.

Only asymmetric signatures by keys that the issuer publishes are accepted. With the algorithm `none`, or with HS256 and
the public key as the secret, any client could sign a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

ALGORITHMS = ("RS256", "ES256")


class TokenError(ValueError):
    """The token is not valid.

    TokenError
    ├── MalformedTokenError         not a JWT, or a required claim is missing
    ├── TokenExpiredError           the token has expired
    ├── WrongIssuerError            issued by another issuer
    ├── WrongAudienceError          issued for another audience
    └── InvalidTokenSignatureError  unknown key, algorithm that is not accepted, or a forged signature
    """


class MalformedTokenError(TokenError):
    """The token is not a JWT, or lacks one of the claims `iss`, `sub`, `aud`, `exp`, `iat`."""


class TokenExpiredError(TokenError):
    """`exp` has passed."""


class WrongIssuerError(TokenError):
    """`iss` is not the expected issuer."""


class WrongAudienceError(TokenError):
    """`aud` has none of the accepted audiences."""


class InvalidTokenSignatureError(TokenError):
    """No key of the issuer has the token's `kid`, its algorithm is not accepted, or the signature is wrong."""


def read_unverified_claims(token: str) -> Mapping[str, Any]:
    """Return the claims without verifying the token. They are used to look up the issuer only.

    Raises:
        MalformedTokenError: `token` is not a JWT.
    """
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise MalformedTokenError(f"The token is not a JSON web token: {error}") from error
    return claims


def decode(token: str, *, jwks: Mapping[str, Any], issuer: str, audiences: Sequence[str]) -> dict[str, Any]:
    """Verify a token and return its claims.

    Args:
        token: A JWT signed with RS256 or ES256.
        jwks: The issuer's public keys, as its `/keys` publishes them.
        issuer: The exact value that `iss` must have.
        audiences: `aud` must have at least one of these.

    Raises:
        TokenError: the token is not valid. The subclass is the reason.
    """
    key = _find_key(token, jwks)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=issuer,
            audience=list(audiences),
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpiredError("The token has expired") from error
    except jwt.InvalidIssuerError as error:
        raise WrongIssuerError(f"The token was not issued by {issuer}") from error
    except jwt.InvalidAudienceError as error:
        raise WrongAudienceError(f"The token is not for {', '.join(audiences) or 'anybody'}") from error
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError) as error:
        raise InvalidTokenSignatureError(f"The token's signature is not valid: {error}") from error
    except jwt.PyJWTError as error:
        raise MalformedTokenError(f"The token is not valid: {error}") from error
    return claims


def _find_key(token: str, jwks: Mapping[str, Any]) -> jwt.PyJWK:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise MalformedTokenError(f"The token is not a JSON web token: {error}") from error
    if header.get("alg") not in ALGORITHMS:
        raise InvalidTokenSignatureError(
            f"The token's algorithm is {header.get('alg')!r}. Accepted algorithms: {', '.join(ALGORITHMS)}"
        )
    for key in jwt.PyJWKSet.from_dict(dict(jwks)).keys:
        if key.key_id == header.get("kid"):
            return key
    raise InvalidTokenSignatureError(f"The issuer has no key with the id {header.get('kid')!r}")
