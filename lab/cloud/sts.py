"""STS with trust policies, caller policies and session expiry enforced.

Replaces the operations of moto's `TokenResponse` that authorize nothing. AssumeRole evaluates the trust policy and the
caller's policies. AssumeRoleWithWebIdentity verifies the token and evaluates the trust policy. Input is validated by
botocore's model before.
"""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import Role
from moto.sts.responses import TokenResponse

from lab.cloud import iam_lookup, input_validation, session_requests, trust, web_identity
from lab.cloud.authorization import authorize, error_response
from lab.cloud.context import Values, caller_context
from lab.cloud.request_identity import Caller, read_caller
from lab.cloud.session_requests import SessionRequest, SessionRequestError
from lab.cloud.sessions import Session, sessions
from lab.interfaces import IamPrincipal

SESSION_TOKEN_DURATION = 43_200
"""Seconds. GetSessionToken's default. The allowed range is 900 to 129,600."""
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+")


class StsResponse(TokenResponse):
    """The operations of STS."""

    @property
    def request_json(self) -> bool:
        """Whether the client accepts JSON, as aws-iam-authenticator does. STS then answers with JSON."""
        return super().request_json or "application/json" in self.headers.get("Accept", "")

    def _determine_resource(self) -> str:
        """Return no resource. Each operation reads the role from its own parsed input; moto fails without a role."""
        return "*"

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        """Validate the input. AssumeRole and AssumeRoleWithWebIdentity then evaluate a trust policy themselves."""
        action = self._get_action()
        authorize(self, resource)
        message = input_validation.find_input_error("sts", action, self.params)
        if message:
            raise error_response(self, "ValidationError", message, status=400)

    def get_caller_identity(self) -> ActionResult:
        caller = self._caller()
        return ActionResult({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def assume_role(self) -> ActionResult:
        caller = self._caller()
        if caller.is_root:
            raise error_response(self, "AccessDenied", "Roles may not be assumed by root accounts.")
        if not _ROLE_ARN.fullmatch(self.params["RoleArn"]):
            raise error_response(self, "ValidationError", f"{self.params['RoleArn']} is invalid", status=400)
        request = self._session_request(caller.session)
        role = iam_lookup.find_role(request.role_arn)
        inherited_identity = caller.session.source_identity if caller.session else None
        is_identity_changed = inherited_identity is not None and request.source_identity != inherited_identity
        actions = [trust.ASSUME_ROLE]
        if request.tags:
            actions.append(trust.TAG_SESSION)
        if request.source_identity:
            actions.append(trust.SET_SOURCE_IDENTITY)
        context = caller_context(caller).merged(self._context_values(request))
        for action in actions:
            is_denied = role is None or not trust.evaluate_caller(role, caller, action, context).allowed
            if is_denied or (action == trust.SET_SOURCE_IDENTITY and is_identity_changed):
                message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {request.role_arn}"
                raise error_response(self, "AccessDenied", message)
        assert role is not None
        session = self._open_session(
            role,
            request,
            chained=caller.session is not None and caller.is_role,
            tags=request.tags,
            transitive_tag_keys=request.transitive_tag_keys,
            source_identity=request.source_identity,
        )
        return ActionResult(_assumed_role_result(session, request.packed_size))

    def assume_role_with_web_identity(self) -> ActionResult:
        if not _ROLE_ARN.fullmatch(self.params["RoleArn"]):
            raise error_response(self, "ValidationError", "Request ARN is invalid", status=400)
        request = self._session_request()
        try:
            identity = web_identity.verify(self.params["WebIdentityToken"], request.role_arn)
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
                **_assumed_role_result(session, request.packed_size),
                "SubjectFromWebIdentityToken": identity.subject,
                "Provider": identity.provider.arn,
                "Audience": identity.audience,
            }
        )

    def get_session_token(self) -> ActionResult:
        caller = self._caller()
        if caller.session is not None:
            raise error_response(self, "AccessDenied", "Cannot call GetSessionToken with session credentials")
        if "SerialNumber" in self.params or "TokenCode" in self.params:
            raise error_response(self, "AccessDenied", session_requests.INVALID_MFA)
        session = sessions.open(
            principal=caller.principal,
            account=caller.account,
            partition=caller.partition,
            name=caller.principal.arn.rpartition("/")[2],
            duration=self.params.get("DurationSeconds", SESSION_TOKEN_DURATION),
        )
        return ActionResult({"Credentials": _credentials_result(session)})

    def _caller(self) -> Caller:
        return read_caller(self.normalized_request.environ)

    def _session_request(self, caller: Session | None = None) -> SessionRequest:
        try:
            return session_requests.read(self.params, caller)
        except SessionRequestError as error:
            raise error_response(self, error.code, error.message, status=error.status) from error

    def _context_values(self, request: SessionRequest) -> Values:
        """Return the condition keys of AssumeRole. Inherited tags and source identity are keys of the request too."""
        values: Values = {
            **trust.tag_context(request.tags),
            "sts:RoleSessionName": request.name,
            "aws:RequestedRegion": self.region,
            "aws:SourceIp": self.normalized_request.remote_addr or "127.0.0.1",
        }
        external_id = self.params.get("ExternalId")
        if external_id is not None:
            values["sts:ExternalId"] = external_id
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
            raise error_response(self, error.code, error.message, status=error.status) from error
        role.last_used = utcnow()
        return session


def _credentials_result(session: Session) -> dict[str, Any]:
    credentials = session.credentials
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
    }


def _assumed_role_result(session: Session, packed_size: int | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Credentials": _credentials_result(session),
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
    }
    optional = {"PackedPolicySize": packed_size, "SourceIdentity": session.source_identity}
    return result | {name: value for name, value in optional.items() if value is not None}
