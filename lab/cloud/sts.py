"""STS with trust policies, caller policies and session expiry enforced.

Replaces the operations of moto's `TokenResponse` that authorize nothing. AssumeRole evaluates the trust policy and the
caller's policies. AssumeRoleWithWebIdentity verifies the token and evaluates the trust policy. AssumeRoleWithSAML and
GetFederationToken are not implemented and return an error.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import Role
from moto.sts.responses import TokenResponse

from lab.cloud import iam_lookup, session_requests, trust, web_identity
from lab.cloud.authentication import UNSIGNED
from lab.cloud.authorization import authorize, error_response
from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.context import Values, caller_context
from lab.cloud.request_identity import Caller, read_caller
from lab.cloud.session_requests import SessionRequest, SessionRequestError
from lab.cloud.sessions import Session, sessions
from lab.interfaces import IamPrincipal

SESSION_TOKEN_DURATION = 43_200
"""Seconds. GetSessionToken's default. The allowed range is 900 to 129,600."""
_PACKED_POLICY_SIZE = 6
"""Per cent. STS returns how much of the packed size limit the session policies and tags use. The lab has no packing."""


class StsResponse(TokenResponse):
    """The operations of STS."""

    @property
    def request_json(self) -> bool:
        """Whether the client accepts JSON, as aws-iam-authenticator does. STS then answers with JSON."""
        return super().request_json or "application/json" in self.headers.get("Accept", "")

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        """Authorize all operations but AssumeRole and the unsigned ones, which evaluate a trust policy themselves."""
        action = self._get_action()
        if action not in UNSIGNED and action != "AssumeRole":
            authorize(self, resource)

    def get_caller_identity(self) -> ActionResult:
        caller = self._caller()
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def assume_role(self) -> ActionResult:
        caller = self._caller()
        if caller.is_root:
            raise error_response(self, "AccessDenied", "Roles may not be assumed by root accounts.")
        request = self._session_request()
        role = iam_lookup.find_role(request.role_arn)
        # The condition context has the transitive tags of the caller's session as request tags too.
        tags = {**request.tags, **_inherited_tags(caller)}
        values = {**self._context_values(request), **trust.tag_context(tags)}
        actions = [trust.ASSUME_ROLE]
        if tags:
            actions.append(trust.TAG_SESSION)
        if request.source_identity:
            actions.append("sts:SetSourceIdentity")
        context = caller_context(caller).merged(values)
        for action in actions:
            if role is None or not trust.evaluate_caller(role, caller, action, context).allowed:
                message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {request.role_arn}"
                raise error_response(self, "AccessDenied", message)
        assert role is not None
        inherited_keys = caller.session.transitive_tag_keys if caller.session else frozenset()
        source_identity = caller.session.source_identity if caller.session else None
        session = self._open_session(
            role,
            request,
            chained=caller.session is not None and caller.is_role,
            tags=tags,
            transitive_tag_keys=request.transitive_tag_keys | inherited_keys,
            source_identity=source_identity or request.source_identity,
        )
        return ActionResult(_assumed_role_result(session))

    def assume_role_with_web_identity(self) -> ActionResult:
        request = self._session_request()
        try:
            identity = web_identity.verify(str(self._get_param("WebIdentityToken") or ""), request.role_arn)
            role = web_identity.check_trust(
                identity,
                request.role_arn,
                session_name=request.name,
                region=self.region,
                source_ip=self.normalized_request.remote_addr,
            )
        except web_identity.WebIdentityError as error:
            raise error_response(self, error.code, error.message, status=error.status) from error
        session = self._open_session(role, request, federated_provider=identity.provider.arn)
        return ActionResult(
            {
                **_assumed_role_result(session),
                "SubjectFromWebIdentityToken": identity.subject,
                "Provider": identity.provider.arn,
                "Audience": identity.audience,
            }
        )

    def get_session_token(self) -> ActionResult:
        caller = self._caller()
        if caller.session is not None:
            raise error_response(self, "AccessDenied", "Cannot call GetSessionToken with session credentials")
        duration = self._get_int_param("DurationSeconds", SESSION_TOKEN_DURATION)
        if not session_requests.MIN_DURATION <= duration <= 129_600:
            message = f"1 validation error detected: Value '{duration}' at 'durationSeconds' must be from 900 to 129600"
            raise error_response(self, "ValidationError", message, status=400)
        session = sessions.open(
            principal=caller.principal,
            account=caller.account,
            partition=caller.partition,
            name=caller.principal.arn.rpartition("/")[2],
            duration=duration,
        )
        return ActionResult({"Credentials": _credentials_result(session)})

    def assume_role_with_saml(self) -> ActionResult:
        raise self._unsupported_operation()

    def get_federation_token(self) -> ActionResult:
        raise self._unsupported_operation()

    def _unsupported_operation(self) -> AwsErrorResponse:
        message = f"The lab does not implement sts:{self._get_action()}"
        return error_response(self, "InvalidAction", message, status=400)

    def _caller(self) -> Caller:
        return read_caller(self.normalized_request.environ)

    def _session_request(self) -> SessionRequest:
        try:
            return session_requests.read(self._get_param)
        except SessionRequestError as error:
            raise error_response(self, error.code, error.message, status=400) from error

    def _context_values(self, request: SessionRequest) -> Values:
        values: Values = {
            **trust.tag_context(request.tags),
            "sts:RoleSessionName": request.name,
            "aws:RequestedRegion": self.region,
            "aws:SourceIp": self.normalized_request.remote_addr or "127.0.0.1",
        }
        external_id = self._get_param("ExternalId")
        if external_id is not None:
            values["sts:ExternalId"] = str(external_id)
        if request.source_identity:
            values["sts:SourceIdentity"] = request.source_identity
        if request.transitive_tag_keys:
            values["sts:TransitiveTagKeys"] = tuple(request.transitive_tag_keys)
        return values

    def _open_session(self, role: Role, request: SessionRequest, *, chained: bool = False, **options: Any) -> Session:
        try:
            session = sessions.open(
                principal=IamPrincipal(role.arn, role.id),
                account=role.account_id,
                partition=role.partition,
                name=request.name,
                duration=request.duration_for(role, chained=chained),
                policies=request.policies_for(role),
                **options,
            )
        except SessionRequestError as error:
            raise error_response(self, error.code, error.message, status=400) from error
        role.last_used = utcnow()
        return session


def _inherited_tags(caller: Caller) -> dict[str, str]:
    """Return the caller's transitive session tags. A chained session inherits them and cannot change them."""
    session = caller.session
    return (
        {}
        if session is None
        else {key: session.tags[key] for key in session.transitive_tag_keys if key in session.tags}
    )


def _credentials_result(session: Session) -> dict[str, Any]:
    credentials = session.credentials
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
    }


def _assumed_role_result(session: Session) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Credentials": _credentials_result(session),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": _PACKED_POLICY_SIZE,
    }
    return result | ({"SourceIdentity": session.source_identity} if session.source_identity else {})
