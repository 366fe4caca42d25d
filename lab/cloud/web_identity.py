"""AssumeRoleWithWebIdentity: verification of a service account's token, and of the role's trust in it.

The checks run in this order, each with STS's own error:

1. The token is a JWT.
2. Its issuer is an OIDC provider in the role's account.
3. Its audience is one of the provider's client ids.
4. Its signature is by a key that the issuer publishes, and it has not expired.
5. The role's trust policy allows the token's subject and audience.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import OpenIDConnectProvider, Role

from lab.cloud import iam_lookup, issuers, tokens, trust
from lab.cloud.context import Values, global_context
from lab.cloud.policy import federated_principal

ACTION = "sts:AssumeRoleWithWebIdentity"
_CONDITION_CLAIMS = ("sub", "aud", "azp", "amr")
"""Claims that trust policies can use as condition keys `<issuer without https://>:<claim>`."""


class WebIdentityError(Exception):
    """STS rejects the token, or the role does not trust it. `code` is STS's error code, `status` the HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class WebIdentity:
    """The verified identity of a token."""

    provider: OpenIDConnectProvider
    subject: str
    audiences: tuple[str, ...]
    claims: Mapping[str, Any]

    @property
    def audience(self) -> str:
        """The first audience of the token that is a client id of the provider."""
        return next(audience for audience in self.audiences if audience in self.provider.client_id_list)

    def context(self) -> Values:
        """Return the condition keys of the token."""
        values: Values = {"aws:FederatedProvider": self.provider.arn}
        for claim in _CONDITION_CLAIMS:
            value = self.claims.get(claim)
            if value is not None:
                values[f"{self.provider.url}:{claim}"] = tuple(value) if isinstance(value, list) else str(value)
        return values


def verify(token: str, role_arn: str) -> WebIdentity:
    """Verify `token` with the OIDC providers in the account of `role_arn`, and return its identity.

    Raises:
        WebIdentityError: the token is not valid in that account.
    """
    account, partition = iam_lookup.parse_account(role_arn)
    try:
        unverified_claims = tokens.read_unverified_claims(token)
    except tokens.TokenError as error:
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from error
    issuer = str(unverified_claims.get("iss", ""))
    provider = iam_lookup.find_provider(account, partition, issuer)
    if provider is None or not issuer.startswith("https://"):
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    audiences = _audiences(unverified_claims)
    if not set(audiences) & set(provider.client_id_list):
        raise _invalid("Incorrect token audience")
    claims = _verify_claims(token, issuer, provider.client_id_list)
    return WebIdentity(provider, str(claims["sub"]), _audiences(claims), claims)


def check_trust(identity: WebIdentity, role_arn: str, *, session_name: str, region: str, source_ip: str | None) -> Role:
    """Return the role if its trust policy allows `identity`.

    Raises:
        WebIdentityError: the role does not exist or does not trust `identity`. STS returns the same error for both.
    """
    role = iam_lookup.find_role(role_arn)
    context = global_context(region=region, source_ip=source_ip).merged(
        {**identity.context(), "sts:RoleSessionName": session_name}
    )
    if role is None or not trust.trusts(role, federated_principal(identity.provider.arn), ACTION, context):
        raise WebIdentityError("AccessDenied", f"Not authorized to perform {ACTION}", status=403)
    return role


def _verify_claims(token: str, issuer: str, client_ids: Sequence[str]) -> Mapping[str, Any]:
    try:
        keys = issuers.fetch_jwks(issuer)
    except Exception as error:  # the issuer's function can raise any error
        raise WebIdentityError("IDPCommunicationError", f"Could not reach the identity provider {issuer}") from error
    if keys is None:
        raise _invalid(
            "Couldn't retrieve verification key from your identity provider, please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        )
    try:
        return tokens.decode(token, jwks=keys, issuer=issuer, audiences=client_ids)
    except tokens.TokenExpiredError as error:
        expiry = tokens.read_unverified_claims(token)["exp"]
        now = int(datetime.now(UTC).timestamp())
        raise WebIdentityError(
            "ExpiredTokenException",
            f"Token expired: current date/time {now} must be before the expiration date/time {expiry}",
        ) from error
    except tokens.TokenError as error:
        raise _invalid(str(error)) from error


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    audience = claims.get("aud", ())
    return (audience,) if isinstance(audience, str) else tuple(map(str, audience))


def _invalid(message: str) -> WebIdentityError:
    return WebIdentityError("InvalidIdentityToken", message)
