"""AssumeRoleWithWebIdentity: from a service account's token to what it proves.

In this order, each with STS's own error: the token is a JWT; its issuer is registered as an OIDC provider in the
role's account; it is meant for one of the provider's client ids; it is signed with a key that the issuer publishes; it
has not expired; and the role's trust policy allows this subject and audience.
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
_PASSED_ON = ("sub", "aud", "azp", "amr")
"""The claims that trust policies can ask for, as `<issuer without https://>:<claim>`."""


class WebIdentityError(Exception):
    """STS refuses the token; `code` and `status` as STS sends them."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class WebIdentity:
    """What a genuine token proves."""

    provider: OpenIDConnectProvider
    subject: str
    audiences: tuple[str, ...]
    claims: Mapping[str, Any]

    @property
    def audience(self) -> str:
        """The audience that the provider accepts it for."""
        return next(audience for audience in self.audiences if audience in self.provider.client_id_list)

    def context(self) -> Values:
        """The condition keys of the token."""
        values: Values = {"aws:FederatedProvider": self.provider.arn}
        for claim in _PASSED_ON:
            value = self.claims.get(claim)
            if value is not None:
                values[f"{self.provider.url}:{claim}"] = tuple(value) if isinstance(value, list) else str(value)
        return values


def prove(token: str, role_arn: str) -> WebIdentity:
    """What `token` proves to the account of `role_arn`.

    Raises:
        WebIdentityError: nothing.
    """
    account, partition = iam_lookup.account_of(role_arn)
    try:
        stated = tokens.unverified_claims(token)
    except tokens.TokenError as error:
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from error
    issuer = str(stated.get("iss", ""))
    provider = iam_lookup.find_provider(account, partition, issuer)
    if provider is None or not issuer.startswith("https://"):
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    audiences = _audiences(stated)
    if not set(audiences) & set(provider.client_id_list):
        raise _invalid("Incorrect token audience")
    claims = _verified(token, issuer, provider.client_id_list)
    return WebIdentity(provider, str(claims["sub"]), _audiences(claims), claims)


def check_trust(identity: WebIdentity, role_arn: str, *, session_name: str, region: str, source_ip: str | None) -> Role:
    """The role, if it trusts `identity`.

    Raises:
        WebIdentityError: it does not, or there is none: STS does not say which.
    """
    role = iam_lookup.find_role(role_arn)
    context = global_context(region=region, source_ip=source_ip).merged(
        {**identity.context(), "sts:RoleSessionName": session_name}
    )
    if role is None or not trust.trusts(role, federated_principal(identity.provider.arn), ACTION, context):
        raise WebIdentityError("AccessDenied", f"Not authorized to perform {ACTION}", status=403)
    return role


def _verified(token: str, issuer: str, client_ids: Sequence[str]) -> Mapping[str, Any]:
    try:
        keys = issuers.jwks(issuer)
    except Exception as error:  # the issuer's own failure, whatever it is
        raise WebIdentityError("IDPCommunicationError", f"Could not reach the identity provider {issuer}") from error
    if keys is None:
        raise _invalid(
            "Couldn't retrieve verification key from your identity provider, please reference "
            "AssumeRoleWithWebIdentity documentation for requirements"
        )
    try:
        return tokens.decode(token, jwks=keys, issuer=issuer, audiences=client_ids)
    except tokens.TokenExpiredError as error:
        expiry = tokens.unverified_claims(token)["exp"]
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
