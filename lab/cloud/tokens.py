"""Web identity tokens: which are genuine.

Only asymmetric signatures of keys that the issuer publishes count. A token that names no algorithm, or HS256, would be
signed with something that everybody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

ALGORITHMS = ("RS256", "ES256")


class TokenError(ValueError):
    """The token proves nothing. Subclasses say why.

    TokenError
    ├── MalformedTokenError    not a JWT, or without a claim that it must have
    ├── TokenExpiredError      its time is over
    ├── WrongIssuerError       issued by somebody else
    ├── WrongAudienceError     meant for somebody else
    └── SignatureRefusedError  unknown key, algorithm that is not accepted, or a forged signature
    """


class MalformedTokenError(TokenError):
    """Not a JWT, or without one of the claims `iss`, `sub`, `aud`, `exp`, `iat`."""


class TokenExpiredError(TokenError):
    """`exp` has passed."""


class WrongIssuerError(TokenError):
    """`iss` is not the issuer asked for."""


class WrongAudienceError(TokenError):
    """None of `aud` is an audience asked for."""


class SignatureRefusedError(TokenError):
    """No key of the issuer has the token's `kid`, its algorithm is not accepted, or the signature does not fit."""


def unverified_claims(token: str) -> Mapping[str, Any]:
    """The claims as the token states them, to find out whom to ask; nothing in them is proven.

    Raises:
        MalformedTokenError: `token` is not a JWT.
    """
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise MalformedTokenError(f"The token is not a JSON web token: {error}") from error
    return claims


def decode(token: str, *, jwks: Mapping[str, Any], issuer: str, audiences: Sequence[str]) -> dict[str, Any]:
    """The claims of a genuine token.

    Args:
        token: A JWT signed with RS256 or ES256.
        jwks: The issuer's public keys, as its `/keys` gives them.
        issuer: What `iss` must be, exactly.
        audiences: `aud` must hold at least one of these.

    Raises:
        TokenError: the subclass that fits.
    """
    key = _key(token, jwks)
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
        raise SignatureRefusedError(f"The token's signature is not genuine: {error}") from error
    except jwt.PyJWTError as error:
        raise MalformedTokenError(f"The token cannot be used: {error}") from error
    return claims


def _key(token: str, jwks: Mapping[str, Any]) -> jwt.PyJWK:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise MalformedTokenError(f"The token is not a JSON web token: {error}") from error
    if header.get("alg") not in ALGORITHMS:
        raise SignatureRefusedError(
            f"The token's algorithm is {header.get('alg')!r}; accepted are {', '.join(ALGORITHMS)}"
        )
    for key in jwt.PyJWKSet.from_dict(dict(jwks)).keys:
        if key.key_id == header.get("kid"):
            return key
    raise SignatureRefusedError(f"The issuer has no key with the id {header.get('kid')!r}")
