"""STS: sessions that are really earned, and really end.

Replaces what moto's `TokenResponse` answers without asking: AssumeRole judges the trust policy and the caller's own
policies, AssumeRoleWithWebIdentity proves the token. SAML and federation tokens are refused rather than given for
nothing.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import Role
from moto.sts.responses import TokenResponse

from lab.cloud import iam_lookup, session_requests, trust, web_identity
from lab.cloud.authentication import UNSIGNED
from lab.cloud.authorization import authorize, refuse
from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.context import Values, caller_context
from lab.cloud.request_identity import Caller, caller_of
from lab.cloud.session_requests import SessionRequest, SessionRequestError
from lab.cloud.sessions import Session, sessions
from lab.interfaces import IamPrincipal

SESSION_TOKEN_DURATION = 43_200
"""Seconds; GetSessionToken's default. 900 to 129,600."""
_PACKED = 6
"""Per cent; STS says how much of a session's room its policies and tags take. The lab does not pack."""


class StsResponse(TokenResponse):
    """The operations of STS."""

    @property
    def request_json(self) -> bool:
        """STS answers JSON to those who ask for it, as aws-iam-authenticator does."""
        return super().request_json or "application/json" in self.headers.get("Accept", "")

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        """AssumeRole judges itself, together with the trust policy; unsigned operations prove themselves."""
        action = self._get_action()
        if action not in UNSIGNED and action != "AssumeRole":
            authorize(self, resource)

    def get_caller_identity(self) -> ActionResult:
        caller = self._caller()
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def assume_role(self) -> ActionResult:
        caller = self._caller()
        if caller.is_root:
            raise refuse(self, "AccessDenied", "Roles may not be assumed by root accounts.")
        wanted = self._session_request()
        role = iam_lookup.find_role(wanted.role_arn)
        # Tags that the caller's session hands on are in the request as well, as those are that the caller gives.
        tags = {**wanted.tags, **_inherited_tags(caller)}
        values = {**self._values(wanted), **trust.tag_context(tags)}
        actions = [trust.ASSUME_ROLE]
        if tags:
            actions.append(trust.TAG_SESSION)
        if wanted.source_identity:
            actions.append("sts:SetSourceIdentity")
        context = caller_context(caller).merged(values)
        for action in actions:
            if role is None or not trust.judge(role, caller, action, context).allowed:
                message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {wanted.role_arn}"
                raise refuse(self, "AccessDenied", message)
        assert role is not None
        inherited = caller.session.transitive_tag_keys if caller.session else frozenset()
        source_identity = caller.session.source_identity if caller.session else None
        session = self._open(
            role,
            wanted,
            chained=caller.session is not None and caller.is_role,
            tags=tags,
            transitive_tag_keys=wanted.transitive_tag_keys | inherited,
            source_identity=source_identity or wanted.source_identity,
        )
        return ActionResult(_described(session))

    def assume_role_with_web_identity(self) -> ActionResult:
        wanted = self._session_request()
        try:
            identity = web_identity.prove(str(self._get_param("WebIdentityToken") or ""), wanted.role_arn)
            role = web_identity.check_trust(
                identity,
                wanted.role_arn,
                session_name=wanted.name,
                region=self.region,
                source_ip=self.normalized_request.remote_addr,
            )
        except web_identity.WebIdentityError as error:
            raise refuse(self, error.code, error.message, status=error.status) from error
        session = self._open(role, wanted, federated_provider=identity.provider.arn)
        return ActionResult(
            {
                **_described(session),
                "SubjectFromWebIdentityToken": identity.subject,
                "Provider": identity.provider.arn,
                "Audience": identity.audience,
            }
        )

    def get_session_token(self) -> ActionResult:
        caller = self._caller()
        if caller.session is not None:
            raise refuse(self, "AccessDenied", "Cannot call GetSessionToken with session credentials")
        duration = self._get_int_param("DurationSeconds", SESSION_TOKEN_DURATION)
        if not session_requests.SHORTEST <= duration <= 129_600:
            message = f"1 validation error detected: Value '{duration}' at 'durationSeconds' must be from 900 to 129600"
            raise refuse(self, "ValidationError", message, status=400)
        session = sessions.open(
            principal=caller.principal,
            account=caller.account,
            partition=caller.partition,
            name=caller.principal.arn.rpartition("/")[2],
            duration=duration,
        )
        return ActionResult({"Credentials": _credentials(session)})

    def assume_role_with_saml(self) -> ActionResult:
        raise self._not_stood_in()

    def get_federation_token(self) -> ActionResult:
        raise self._not_stood_in()

    def _not_stood_in(self) -> AwsErrorResponse:
        message = f"The lab does not stand in for sts:{self._get_action()}"
        return refuse(self, "InvalidAction", message, status=400)

    def _caller(self) -> Caller:
        return caller_of(self.normalized_request.environ)

    def _session_request(self) -> SessionRequest:
        try:
            return session_requests.read(self._get_param)
        except SessionRequestError as error:
            raise refuse(self, error.code, error.message, status=400) from error

    def _values(self, wanted: SessionRequest) -> Values:
        values: Values = {
            **trust.tag_context(wanted.tags),
            "sts:RoleSessionName": wanted.name,
            "aws:RequestedRegion": self.region,
            "aws:SourceIp": self.normalized_request.remote_addr or "127.0.0.1",
        }
        external_id = self._get_param("ExternalId")
        if external_id is not None:
            values["sts:ExternalId"] = str(external_id)
        if wanted.source_identity:
            values["sts:SourceIdentity"] = wanted.source_identity
        if wanted.transitive_tag_keys:
            values["sts:TransitiveTagKeys"] = tuple(wanted.transitive_tag_keys)
        return values

    def _open(self, role: Role, wanted: SessionRequest, *, chained: bool = False, **more: Any) -> Session:
        try:
            session = sessions.open(
                principal=IamPrincipal(role.arn, role.id),
                account=role.account_id,
                partition=role.partition,
                name=wanted.name,
                duration=wanted.duration_for(role, chained=chained),
                policies=wanted.policies_for(role),
                **more,
            )
        except SessionRequestError as error:
            raise refuse(self, error.code, error.message, status=400) from error
        role.last_used = utcnow()
        return session


def _inherited_tags(caller: Caller) -> dict[str, str]:
    """The caller's transitive session tags, which a chained session keeps and cannot change."""
    session = caller.session
    return (
        {}
        if session is None
        else {key: session.tags[key] for key in session.transitive_tag_keys if key in session.tags}
    )


def _credentials(session: Session) -> dict[str, Any]:
    credentials = session.credentials
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
    }


def _described(session: Session) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Credentials": _credentials(session),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": _PACKED,
    }
    return result | ({"SourceIdentity": session.source_identity} if session.source_identity else {})
