"""Authorization: evaluates IAM policies with `lab.cloud.policy` before every operation of every service.

moto authorizes in two methods of `ActionAuthenticatorMixin`: `_authenticate_and_authorize_normal_action` before each
operation, and `_authenticate_and_authorize_s3_action` in S3. `install` replaces both. The lab therefore authorizes the
operation that moto is about to run, and need not derive it from the request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import xmltodict
from botocore.model import OperationNotFoundError
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.model import OperationModel, ServiceModel
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model
from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import s3_backends

from lab.cloud import trust
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.context import Values, caller_context, request_tags, service_context
from lab.cloud.policy import EvaluationResult, Policies, Policy, PolicyError, Request, evaluate, parse
from lab.cloud.request_identity import Caller, read_caller
from lab.cloud.resource_arns import passed_roles, resource_arn
from lab.cloud.s3_actions import bucket_actions, object_actions

ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Actions that every caller may perform, even under an explicit deny."""

_ACTION_PREFIXES = {
    "api.ecr": "ecr",
    "monitoring": "cloudwatch",
    "email": "ses",
    "api.sagemaker": "sagemaker",
    "tagging": "tag",
}
"""Action prefixes of services whose actions do not begin with the signing name."""


class CallParameters:
    """The input members of a call, read as moto's operation reads them. Members outside the input shape are ignored."""

    def __init__(self, response: BaseResponse, operation: OperationModel) -> None:
        self._response = response
        self._members = operation.input_shape.members if operation.input_shape else {}

    def get(self, name: str, /) -> Any:
        if name not in self._members:
            return None
        value = self._response._get_param(name)  # noqa: SLF001 - moto's way to read a parameter
        return unquote(value) if isinstance(value, str) and name in self._response.uri_match else value


def authorize(response: BaseResponse, resource: str = "*") -> None:
    """Authorize the operation that `response` is about to run.

    Raises:
        AwsErrorResponse: the caller is not authorized. The error has the service's form.
    """
    caller = _read_caller(response)
    model = get_service_model(response.boto3_service_name)
    operation = _find_operation(response, model)
    service, action = action_prefix(model), operation.name
    if f"{service}:{action}" in ALWAYS_ALLOWED:
        return
    if service == "iam" and caller.session is not None and not caller.is_role:
        # A user's session without MFA (GetSessionToken) cannot call IAM.
        raise error_response(response, "InvalidClientTokenId", "The security token included in the request is invalid")
    params = CallParameters(response, operation)
    values: Values = {
        **_request_values(response),
        **request_tags(params),
        **service_context(service, action, params),
    }
    arn = resource if resource.startswith("arn:") else resource_arn(service, action, params, caller, response.region)
    require_allowed(response, caller, f"{service}:{action}", arn, values)
    for role, receiving_service in passed_roles(service, action, params):
        pass_role_values = {**values, "iam:PassedToService": receiving_service}
        require_allowed(response, caller, "iam:PassRole", role, pass_role_values)


def authorize_s3(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Authorize the S3 request that `response` is about to serve.

    Raises:
        AwsErrorResponse: the caller is not authorized.
        BucketAccessDeniedError: the caller is not authorized for a key of DeleteObjects. moto reports it for each key.
    """
    caller = _read_caller(response)
    request = response.normalized_request
    values: Values = {**_request_values(response), **service_context("s3", "", request.args)}
    prefix = f"arn:{caller.partition}:s3:::"
    if not bucket_name:
        require_allowed(response, caller, "s3:ListAllMyBuckets", "*", values)
        return
    bucket_policy = _bucket_policy(caller, bucket_name)
    if key_name is None and request.method == "POST" and "delete" in request.args:
        for key in _keys_to_delete(response.raw_body):
            arn = f"{prefix}{bucket_name}/{key}"
            if not evaluate_caller(caller, "s3:DeleteObject", arn, values, bucket_policy).allowed:
                raise BucketAccessDeniedError(bucket=bucket_name)
        return
    if key_name is None:
        is_form_upload = request.method == "POST"
        arn = f"{prefix}{bucket_name}{'/*' if is_form_upload else ''}"
        actions = bucket_actions(request.method, request.args)
    else:
        arn, actions = f"{prefix}{bucket_name}/{key_name}", object_actions(request.method, request.args)
    for action in actions:
        require_allowed(response, caller, action, arn, values, resource_policy=bucket_policy)
    source = request.headers.get("x-amz-copy-source")
    if source:
        bucket, _, key = unquote(source).lstrip("/").partition("?")[0].partition("/")
        source_arn, source_policy = f"{prefix}{bucket}/{key}", _bucket_policy(caller, bucket)
        require_allowed(response, caller, "s3:GetObject", source_arn, values, resource_policy=source_policy)


def evaluate_caller(
    caller: Caller, action: str, arn: str, values: Values, resource_policy: Policy | None = None
) -> EvaluationResult:
    """Evaluate whether `caller` may perform `action` on `arn`, a resource of its own account."""
    own = trust.load_policies(caller)
    request = Request(action, arn, trust.request_principal(caller), caller_context(caller).merged(values))
    policies = Policies(identity=own.identity, resource=resource_policy, boundary=own.boundary, session=own.session)
    return evaluate(request, policies)


def require_allowed(
    response: BaseResponse,
    caller: Caller,
    action: str,
    arn: str,
    values: Values,
    *,
    resource_policy: Policy | None = None,
) -> None:
    """Raise the access-denied error of the service of `response` unless `caller` may perform `action` on `arn`."""
    result = evaluate_caller(caller, action, arn, values, resource_policy)
    if not result.allowed:
        raise access_denied(response, denial_message(caller, action, arn, result))


def denial_message(caller: Caller, action: str, arn: str, result: EvaluationResult) -> str:
    """Return AWS's access-denied message. S3 quotes the resource ARN."""
    resource = f'"{arn}"' if action.startswith("s3:") else arn
    on_resource = "" if action.startswith("s3:") and arn == "*" else f" on resource: {resource}"
    return f"User: {caller.arn} is not authorized to perform: {action}{on_resource} {result.reason(action)}"


def access_denied(response: BaseResponse, message: str) -> AwsErrorResponse:
    """Return the access-denied error in the form of the service of `response`."""
    model = get_service_model(response.boto3_service_name)
    protocol = protocol_of(response, model)
    if protocol == "ec2":
        text = f"You are not authorized to perform this operation. {message}"
        return error_response(response, "UnauthorizedOperation", text)
    is_json = protocol in {"json", "rest-json"}
    status = 400 if protocol == "json" else 403
    return error_response(response, "AccessDeniedException" if is_json else "AccessDenied", message, status=status)


def error_response(response: BaseResponse, code: str, message: str, *, status: int = 403) -> AwsErrorResponse:
    """Return an error of the service of `response`, and set the headers with which moto's `call_action` sends it."""
    model = get_service_model(response.boto3_service_name)
    error = AwsErrorResponse(
        protocol_of(response, model), code, message, status=status, namespace=model.metadata.get("xmlNamespace", "")
    )
    # Before an operation, `call_action` reads the headers from the response object and not from the exception.
    response.response_headers.update(error.get_headers())
    return error


def protocol_of(response: BaseResponse, model: ServiceModel) -> Protocol:
    """Return the protocol in which `response` answers."""
    if model.service_name == "s3":
        return "s3"
    protocol = response.determine_response_protocol(model)
    if protocol == "query-json":
        return "json"
    protocols: Mapping[str, Protocol] = {
        "query": "query",
        "ec2": "ec2",
        "json": "json",
        "rest-json": "rest-json",
        "rest-xml": "rest-xml",
    }
    return protocols.get(protocol, "json")


def action_prefix(model: ServiceModel) -> str:
    """Return the prefix of the service's actions in policies."""
    name = str(model.metadata.get("signingName") or model.metadata["endpointPrefix"])
    return _ACTION_PREFIXES.get(name, name)


def install() -> Callable[[], None]:
    """Replace moto's authorization by the lab's. Return a function that restores moto's."""
    names = ("_authenticate_and_authorize_normal_action", "_authenticate_and_authorize_s3_action")
    original = {name: getattr(ActionAuthenticatorMixin, name) for name in names}
    for name, method in zip(names, (authorize, authorize_s3), strict=True):
        setattr(ActionAuthenticatorMixin, name, method)

    def uninstall() -> None:
        for name, method in original.items():
            setattr(ActionAuthenticatorMixin, name, method)

    return uninstall


def _find_operation(response: BaseResponse, model: ServiceModel) -> OperationModel:
    action = response._get_action()  # noqa: SLF001 - the operation that moto is about to run
    try:
        operation: OperationModel = model.operation_model(action or "")
    except OperationNotFoundError:
        message = f"The action {action or 'of this method and path'} is not valid for this web service."
        raise error_response(response, "InvalidAction", message, status=400) from None
    return operation


def _read_caller(response: BaseResponse) -> Caller:
    try:
        return read_caller(response.normalized_request.environ)
    except LookupError:
        raise error_response(
            response, "MissingAuthenticationToken", "Request is missing Authentication Token"
        ) from None


def _request_values(response: BaseResponse) -> Values:
    request = response.normalized_request
    values: Values = {
        "aws:RequestedRegion": response.region,
        "aws:SourceIp": request.remote_addr or "127.0.0.1",
        "aws:UserAgent": request.headers.get("User-Agent", ""),
    }
    return values


def _bucket_policy(caller: Caller, bucket_name: str) -> Policy | None:
    bucket = s3_backends[caller.account][caller.partition].buckets.get(bucket_name)
    if bucket is None or not bucket.policy:
        return None
    document = bucket.policy.decode() if isinstance(bucket.policy, bytes) else bucket.policy
    try:
        return parse(document, name=bucket_name)
    except PolicyError:
        return Policy(statements=(), name=bucket_name)


def _keys_to_delete(body: bytes) -> list[str]:
    document = xmltodict.parse(body)  # type: ignore[no-untyped-call]
    entries = document["Delete"].get("Object") or []
    return [entry["Key"] for entry in (entries if isinstance(entries, list) else [entries])]
