"""The services of a living cluster that decide where reading is not enough.

Reviews and simulations change nothing. An exchange opens a session, which CloudTrail shows: the token and the
credentials are dropped in the method that requests them, and no log has them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from lightkube.models.authentication_v1 import BoundObjectReference, TokenRequestSpec
from lightkube.models.authorization_v1 import NonResourceAttributes, ResourceAttributes, SubjectAccessReviewSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.authorization_v1 import SubjectAccessReview
from lightkube.resources.core_v1 import ServiceAccount

from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.services import AccessReview, Exchange, ReviewedUser, Simulation
from eks_access.graph.tables import NotReadError
from eks_access.sources.live_accounts import CONFIG, Accounts, error_code, reason_of
from eks_access.sources.live_connection import Connection
from eks_access.sources.live_kubernetes import FAILURES, reason_of_failure
from eks_identity.evaluation.rbac import Request
from eks_identity.model.arns import account_of

_SESSION_NAME = "eks-access"
_SECONDS = 900
"""Duration of a session; STS has no shorter one."""
_TOKEN_SECONDS = 600
"""Duration of a token; the API server has no shorter one."""
_DENY_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
"""Session policy of an exchange: its session can do nothing."""
_POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"
_REJECTIONS = frozenset(
    {
        *("AccessDenied", "ExpiredTokenException", "IDPRejectedClaim", "InvalidIdentityToken", "ValidationError"),
        *("AccessDeniedException", "InvalidParameterException", "InvalidRequestException", "InvalidTokenException"),
        "ResourceNotFoundException",
    }
)
"""Error codes of STS and EKS Auth that are an answer. All others, such as throttling, are none."""


class LiveServices:
    """The API server of the cluster, and IAM, STS and EKS Auth."""

    def __init__(self, connection: Connection, aws: Accounts) -> None:
        self._connection = connection
        self._aws = aws

    def review_access(self, user: ReviewedUser, request: Request) -> AccessReview:
        """Create a SubjectAccessReview, which Kubernetes does not store."""
        call = "SubjectAccessReview"
        spec = SubjectAccessReviewSpec(
            user=user.username,
            groups=list(user.groups),
            uid=user.uid or None,
            extra={key: list(values) for key, values in user.extra.items()} or None,
            **review_attributes(request),
        )
        try:
            status = self._connection.request(lambda client: client.create(SubjectAccessReview(spec=spec))).status
        except FAILURES as error:
            reason = reason_of_failure(error, "create subjectaccessreviews.authorization.k8s.io")
            raise NotReadError(call, reason) from error
        if status is None or (status.evaluationError and not status.allowed):
            raise NotReadError(call, status.evaluationError if status and status.evaluationError else "no status")
        return AccessReview(status.allowed, bool(status.denied), status.reason or "")

    def simulate(self, role_arn: str, action: str, resource: str, context: Mapping[str, str]) -> Simulation:
        """Call SimulatePrincipalPolicy."""
        part = "SimulatePrincipalPolicy"
        response = self._aws.api("iam", account_of(role_arn)).call(
            part,
            "simulate_principal_policy",
            PolicySourceArn=role_arn,
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        if response is None:
            raise NotReadError(part, f"IAM has no role {role_arn}")
        return _simulation(response["EvaluationResults"][0])

    def assume_with_web_identity(self, account: ObjectKey, audience: str, role_arn: str) -> Exchange:
        """Request a token, and call AssumeRoleWithWebIdentity with it, as the SDK in a pod does."""
        with _without_debug_logs():
            token = self._request_token(account, audience)
            config = CONFIG.merge(Config(signature_version=UNSIGNED))
            sts: Any = boto3.Session().client("sts", region_name=self._aws.region, config=config)
            return _exchange(
                "sts:AssumeRoleWithWebIdentity",
                lambda: sts.assume_role_with_web_identity(
                    RoleArn=role_arn,
                    RoleSessionName=_SESSION_NAME,
                    WebIdentityToken=token,
                    DurationSeconds=_SECONDS,
                    Policy=_DENY_ALL,
                )["AssumedRoleUser"]["Arn"],
            )

    def assume_for_pod_identity(self, account: ObjectKey, pod: str, cluster: str) -> Exchange:
        """Request a token of a pod, and call AssumeRoleForPodIdentity with it, as the agent of its node does."""
        part = "AssumeRoleForPodIdentity"
        with _without_debug_logs():
            session = self._aws.cluster_session(part)
            auth: Any = session.client("eks-auth", region_name=self._aws.region, config=CONFIG)
            token = self._request_token(account, _POD_IDENTITY_AUDIENCE, pod)
            return _exchange(
                f"eks-auth:{part}",
                lambda: auth.assume_role_for_pod_identity(clusterName=cluster, token=token)["assumedRoleUser"]["arn"],
            )

    def _request_token(self, account: ObjectKey, audience: str, pod: str = "") -> str:
        namespace, name = account
        bound = BoundObjectReference(apiVersion="v1", kind="Pod", name=pod) if pod else None
        spec = TokenRequestSpec(audiences=[audience], expirationSeconds=_TOKEN_SECONDS, boundObjectRef=bound)
        request = ServiceAccount.Token(spec=spec, metadata=ObjectMeta())
        try:
            created = self._connection.request(lambda client: client.create(request, name, namespace=namespace))
        except FAILURES as error:
            reason = reason_of_failure(error, f"create serviceaccounts/token in namespace {namespace}")
            raise NotReadError("TokenRequest", reason) from error
        if created.status is None or not created.status.token:
            raise NotReadError("TokenRequest", "the API server returned no token")
        return created.status.token


def review_attributes(request: Request) -> dict[str, Any]:
    """Return the attributes of a request in the spec of a review."""
    if request.is_path:
        return {"nonResourceAttributes": NonResourceAttributes(path=request.resource, verb=request.verb)}
    plural, _, subresource = request.resource.partition("/")
    attributes = ResourceAttributes(
        group=request.api_group,
        name=request.name,
        namespace=request.namespace,
        resource=plural,
        subresource=subresource or None,
        verb=request.verb,
    )
    return {"resourceAttributes": attributes}


def _simulation(result: Mapping[str, Any]) -> Simulation:
    """Return an EvaluationResult on one resource. The specific result, if there is one, is that of the resource."""
    specific: Mapping[str, Any] = next(iter(result.get("ResourceSpecificResults", ())), {})
    merged = {**result, **specific}
    boundary = merged.get("PermissionsBoundaryDecisionDetail", {})
    organization = result.get("OrganizationsDecisionDetail", {})
    policies = [statement["SourcePolicyId"] for statement in merged.get("MatchedStatements", ())]
    missing = (*result.get("MissingContextValues", ()), *specific.get("MissingContextValues", ()))
    return Simulation(
        specific.get("EvalResourceDecision") or result["EvalDecision"],
        tuple(dict.fromkeys(policies)),
        tuple(dict.fromkeys(missing)),
        boundary.get("AllowedByPermissionsBoundary", True),
        organization.get("AllowedByOrganizations", True),
    )


def _exchange(action: str, call: Callable[[], str]) -> Exchange:
    """Return the session of a call, or the error of the service. Raises `NotReadError` for all other errors."""
    try:
        return Exchange(session_arn=call())
    except ClientError as error:
        service, _, operation = action.partition(":")
        code, message = error_code(error), str(error.response.get("Error", {}).get("Message", ""))
        is_of_caller = f"not authorized to perform: {action}" in message
        if code not in _REJECTIONS or is_of_caller:
            raise NotReadError(operation, reason_of(error, service)) from error
        return Exchange(error=code, message=message)
    except BotoCoreError as error:
        raise NotReadError(action.partition(":")[2], f"{type(error).__name__}: {error}") from error


@contextmanager
def _without_debug_logs() -> Iterator[None]:
    """Keep tokens and credentials out of the log of a program that logs the requests and responses of botocore."""
    logger = logging.getLogger("botocore")
    level = logger.level
    logger.setLevel(max(logger.getEffectiveLevel(), logging.INFO))
    try:
        yield
    finally:
        logger.setLevel(level)
