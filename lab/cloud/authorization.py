"""What the caller may do: every operation of every service, judged by `lab.cloud.policy` where moto asks.

moto asks in two methods of `ActionAuthenticatorMixin`: `_authenticate_and_authorize_normal_action` before each
operation, and `_authenticate_and_authorize_s3_action` in S3. `install` puts the lab's judgement in their place, so
that it sees the operation that moto has decided to run, not one that it guesses.
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
from lab.cloud.policy import Policies, Policy, PolicyError, Request, Verdict, evaluate, parse
from lab.cloud.request_identity import Caller, caller_of
from lab.cloud.resource_arns import passed_roles, resource_of
from lab.cloud.s3_actions import bucket_actions, object_actions

ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Allowed to every caller, even under an explicit deny."""

_ACTION_PREFIXES = {
    "api.ecr": "ecr",
    "monitoring": "cloudwatch",
    "email": "ses",
    "api.sagemaker": "sagemaker",
    "tagging": "tag",
}
"""Where a service's actions do not begin with its signing name."""


class CallParameters:
    """The members of a call, read as moto's operation will read them. What is no member of its input does not count."""

    def __init__(self, response: BaseResponse, operation: OperationModel) -> None:
        self._response = response
        self._members = operation.input_shape.members if operation.input_shape else {}

    def get(self, name: str, /) -> Any:
        if name not in self._members:
            return None
        value = self._response._get_param(name)  # noqa: SLF001 - moto's way to read a parameter
        return unquote(value) if isinstance(value, str) and name in self._response.uri_match else value


def authorize(response: BaseResponse, resource: str = "*") -> None:
    """Judge the operation that `response` is about to run.

    Raises:
        Refusal: the caller is not allowed to, in the words of the service.
    """
    caller = _caller(response)
    model = get_service_model(response.boto3_service_name)
    operation = _operation(response, model)
    service, action = action_prefix(model), operation.name
    if f"{service}:{action}" in ALWAYS_ALLOWED:
        return
    if service == "iam" and caller.session is not None and not caller.is_role:
        # A user's session without MFA (GetSessionToken) cannot call IAM.
        raise refuse(response, "InvalidClientTokenId", "The security token included in the request is invalid")
    params = CallParameters(response, operation)
    values: Values = {
        **_request_values(response),
        **request_tags(params),
        **service_context(service, action, params),
    }
    arn = resource if resource.startswith("arn:") else resource_of(service, action, params, caller, response.region)
    require(response, caller, f"{service}:{action}", arn, values)
    for role, receiver in passed_roles(service, action, params):
        require(response, caller, "iam:PassRole", role, {**values, "iam:PassedToService": receiver})


def authorize_s3(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Judge the S3 request that `response` is about to serve.

    Raises:
        Refusal: the caller is not allowed to.
        BucketAccessDeniedError: the same for a DeleteObjects request, which moto answers key by key.
    """
    caller = _caller(response)
    request = response.normalized_request
    values: Values = {**_request_values(response), **service_context("s3", "", request.args)}
    prefix = f"arn:{caller.partition}:s3:::"
    if not bucket_name:
        require(response, caller, "s3:ListAllMyBuckets", "*", values)
        return
    bucket_policy = _bucket_policy(caller, bucket_name)
    if key_name is None and request.method == "POST" and "delete" in request.args:
        for key in _keys_to_delete(response.raw_body):
            arn = f"{prefix}{bucket_name}/{key}"
            if not judge(caller, "s3:DeleteObject", arn, values, bucket_policy).allowed:
                raise BucketAccessDeniedError(bucket=bucket_name)
        return
    if key_name is None:
        by_form = request.method == "POST"
        arn, actions = f"{prefix}{bucket_name}{'/*' if by_form else ''}", bucket_actions(request.method, request.args)
    else:
        arn, actions = f"{prefix}{bucket_name}/{key_name}", object_actions(request.method, request.args)
    for action in actions:
        require(response, caller, action, arn, values, resource_policy=bucket_policy)
    source = request.headers.get("x-amz-copy-source")
    if source:
        bucket, _, key = unquote(source).lstrip("/").partition("?")[0].partition("/")
        copied = f"{prefix}{bucket}/{key}"
        require(response, caller, "s3:GetObject", copied, values, resource_policy=_bucket_policy(caller, bucket))


def judge(caller: Caller, action: str, arn: str, values: Values, resource_policy: Policy | None = None) -> Verdict:
    """Whether `caller` may perform `action` on `arn`, a resource of its own account."""
    own = trust.policies_of(caller)
    request = Request(action, arn, trust.request_principal(caller), caller_context(caller).merged(values))
    policies = Policies(identity=own.identity, resource=resource_policy, boundary=own.boundary, session=own.session)
    return evaluate(request, policies)


def require(
    response: BaseResponse,
    caller: Caller,
    action: str,
    arn: str,
    values: Values,
    *,
    resource_policy: Policy | None = None,
) -> None:
    """Raise the `Refusal` of the service behind `response` unless `caller` may perform `action` on `arn`."""
    verdict = judge(caller, action, arn, values, resource_policy)
    if not verdict.allowed:
        raise denied(response, denial_message(caller, action, arn, verdict))


def denial_message(caller: Caller, action: str, arn: str, verdict: Verdict) -> str:
    """AWS's sentence. S3 puts its ARNs in quotes."""
    quoted = f'"{arn}"' if action.startswith("s3:") else arn
    where = "" if action.startswith("s3:") and arn == "*" else f" on resource: {quoted}"
    return f"User: {caller.arn} is not authorized to perform: {action}{where} {verdict.reason(action)}"


def denied(response: BaseResponse, message: str) -> AwsErrorResponse:
    """Access denied, as the service behind `response` says it."""
    model = get_service_model(response.boto3_service_name)
    protocol = protocol_of(response, model)
    if protocol == "ec2":
        text = f"You are not authorized to perform this operation. {message}"
        return refuse(response, "UnauthorizedOperation", text)
    is_json = protocol in {"json", "rest-json"}
    status = 400 if protocol == "json" else 403
    return refuse(response, "AccessDeniedException" if is_json else "AccessDenied", message, status=status)


def refuse(response: BaseResponse, code: str, message: str, *, status: int = 403) -> AwsErrorResponse:
    """A `Refusal` of the service behind `response`, which moto's `call_action` will send with the right headers."""
    model = get_service_model(response.boto3_service_name)
    refusal = AwsErrorResponse(
        protocol_of(response, model), code, message, status=status, namespace=model.metadata.get("xmlNamespace", "")
    )
    # Before an operation, `call_action` takes headers from here and not from the exception.
    response.response_headers.update(refusal.get_headers())
    return refusal


def protocol_of(response: BaseResponse, model: ServiceModel) -> Protocol:
    """The protocol that `response` answers in."""
    if model.service_name == "s3":
        return "s3"
    protocol = response.determine_response_protocol(model)
    if protocol == "query-json":
        return "json"
    known: Mapping[str, Protocol] = {
        "query": "query",
        "ec2": "ec2",
        "json": "json",
        "rest-json": "rest-json",
        "rest-xml": "rest-xml",
    }
    return known.get(protocol, "json")


def action_prefix(model: ServiceModel) -> str:
    """What the service's actions begin with in policies."""
    name = str(model.metadata.get("signingName") or model.metadata["endpointPrefix"])
    return _ACTION_PREFIXES.get(name, name)


def install() -> Callable[[], None]:
    """Put the lab's judgement in the place of moto's; returns what takes it out again."""
    names = ("_authenticate_and_authorize_normal_action", "_authenticate_and_authorize_s3_action")
    stock = {name: getattr(ActionAuthenticatorMixin, name) for name in names}
    for name, method in zip(names, (authorize, authorize_s3), strict=True):
        setattr(ActionAuthenticatorMixin, name, method)

    def uninstall() -> None:
        for name, method in stock.items():
            setattr(ActionAuthenticatorMixin, name, method)

    return uninstall


def _operation(response: BaseResponse, model: ServiceModel) -> OperationModel:
    action = response._get_action()  # noqa: SLF001 - the operation that moto is going to run
    try:
        operation: OperationModel = model.operation_model(action or "")
    except OperationNotFoundError:
        message = f"The action {action or 'of this method and path'} is not valid for this web service."
        raise refuse(response, "InvalidAction", message, status=400) from None
    return operation


def _caller(response: BaseResponse) -> Caller:
    try:
        return caller_of(response.normalized_request.environ)
    except LookupError:
        raise refuse(response, "MissingAuthenticationToken", "Request is missing Authentication Token") from None


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
