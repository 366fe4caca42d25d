"""The source of `Caller`: the AWS credentials of this shell, its kubeconfig, and what AWS and the cluster say of them.

Every principal may call GetCallerIdentity, and every authenticated user may create reviews of itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import boto3
import httpx2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.authorization_v1 import SelfSubjectAccessReviewSpec
from lightkube.resources.authentication_v1 import SelfSubjectReview
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview

from eks_access.graph.caller import Caller, Credentials, KubeconfigContext, ServerReview
from eks_access.sources.live_accounts import is_temporary, reason_of
from eks_access.sources.live_connection import TRIES, ContextConnection, TokenRejectedError
from eks_access.sources.live_kubeconfig import Context, find_context
from eks_access.sources.live_services import review_attributes
from eks_identity.evaluation.rbac import Request
from eks_identity.model.kubeconfig import ClusterEndpoint

_CONFIG = Config(retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=30, user_agent_extra="eks-access")
_DEFAULT_REGION = "us-east-1"
"""Region of the STS endpoint that is asked if none is configured."""
_WITHOUT_PROFILE = {"env", "container-role", "iam-role", "explicit"}
"""Origins of credentials that no profile configures."""


def read_caller(
    cluster: str | None = None,
    *,
    region: str | None = None,
    context: str | None = None,
    kubeconfig: Path | None = None,
    profile: str | None = None,
    request: Request | None = None,
) -> Caller:
    """Return the caller, with the API server's answer to `request`. The arguments are those of `open_live`.

    Raises `UsageError` if an argument names something that does not exist. What cannot be read is in the record.
    """
    selected = find_context(kubeconfig, context, cluster, region)
    region = region or (selected.cluster_region or selected.region if selected else None)
    shell, session = _read_credentials(profile, region)
    kubectl, sessions = shell, [session]
    if selected is not None and (selected.role_arn or (selected.profile or profile) != profile):
        kubectl, session = _read_credentials(selected.profile, region, selected.role_arn)
        sessions.insert(0, session)
    region = region or (session.region_name if session is not None else None) or ""
    name = cluster or (selected.cluster_name if selected else None) or ""
    description, failure = _describe_cluster(sessions, name, region)
    return Caller(
        shell,
        kubectl,
        _context(selected) if selected is not None else None,
        name,
        region,
        description.get("arn", ""),
        _endpoint(description) if description else None,
        failure,
        _review(selected, request) if selected is not None else ServerReview(reason="there is no kubeconfig"),
    )


def _read_credentials(
    profile: str | None, region: str | None, role_arn: str = ""
) -> tuple[Credentials, boto3.Session | None]:
    """Return the credentials of a profile, or of its session in a role, and the session of boto3."""
    try:
        session = boto3.Session(profile_name=profile)
        found = session.get_credentials()
        key = found.get_frozen_credentials() if found is not None else None
    except (BotoCoreError, ClientError) as error:
        return Credentials("none", profile or "", error=_code(error), message=str(error)), None
    if found is None or key is None:
        message = "neither the environment nor the profile nor the machine has credentials"
        return Credentials("none", profile or "", error="NoCredentialsError", message=message), None
    named = "" if found.method in _WITHOUT_PROFILE else session.profile_name
    loaded = Credentials(str(found.method), named or "", str(key.access_key))
    try:
        if role_arn:
            session = _assume(session, region, role_arn)
        response = _sts(session, region).get_caller_identity()
    except ClientError as error:
        skew, is_undecided = _clock_skew(error.response), is_temporary(error)
        message = str(error)
        return replace(loaded, error=_code(error), message=message, is_undecided=is_undecided, clock_skew=skew), None
    except BotoCoreError as error:
        return replace(loaded, error=_code(error), message=str(error)), None
    return replace(loaded, arn=response["Arn"], clock_skew=_clock_skew(response)), session


def _assume(session: boto3.Session, region: str | None, role_arn: str) -> boto3.Session:
    keys = _sts(session, region).assume_role(RoleArn=role_arn, RoleSessionName="eks-access")["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=session.region_name
    )


def _sts(session: boto3.Session, region: str | None) -> Any:
    return session.client("sts", region_name=region or session.region_name or _DEFAULT_REGION, config=_CONFIG)


def _code(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


def _clock_skew(response: Mapping[str, Any]) -> timedelta | None:
    """Return this machine's clock minus the `Date` of a response, which is exact to a second and the round trip."""
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return now() - parsedate_to_datetime(date) if date else None
    except ValueError:
        return None


def _describe_cluster(
    sessions: Sequence[boto3.Session | None], name: str, region: str
) -> tuple[Mapping[str, Any], str]:
    """Return the cluster as the first session that may reads it, or the reason why the first session does not."""
    if not name or not region:
        return {}, "neither the kubeconfig nor an option names the cluster and its region"
    failures = []
    for session in filter(None, sessions):
        try:
            eks: Any = session.client("eks", region_name=region, config=_CONFIG)
            cluster: Mapping[str, Any] = eks.describe_cluster(name=name)["cluster"]
        except (BotoCoreError, ClientError) as error:
            failures.append(reason_of(error, "eks"))
        else:
            return cluster, ""
    return {}, (failures or ["the credentials do not work"])[0]


def _endpoint(cluster: Mapping[str, Any]) -> ClusterEndpoint:
    return ClusterEndpoint.of(cluster.get("endpoint", ""), cluster.get("certificateAuthority", {}).get("data"))


def _context(selected: Context) -> KubeconfigContext:
    return KubeconfigContext(
        selected.name,
        str(selected.file),
        selected.namespace,
        selected.endpoint(),
        selected.program,
        not selected.program or shutil.which(selected.program) is not None,
        selected.token_region or "",
        selected.cluster_region or "",
        selected.account or "",
        selected.role_arn,
    )


def _review(selected: Context, request: Request | None) -> ServerReview:
    """Return what the API server of a context says of its user, and of a request."""
    connection = ContextConnection(selected)  # closes its client when nothing refers to it
    try:
        status = connection.request(lambda client: client.create(SelfSubjectReview())).status
        user = status.userInfo if status is not None else None
        if user is None or not user.username:
            return ServerReview(reason="SelfSubjectReview returned no user")
        allows = None
        if request is not None:
            review = SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(**review_attributes(request)))
            reviewed = connection.request(lambda client: client.create(review)).status
            allows = reviewed.allowed if reviewed is not None else None
        return ServerReview(user.username, tuple(user.groups or ()), allows=allows)
    except TokenRejectedError:
        return ServerReview(is_unauthorized=True, reason=f"401 Unauthorized, {TRIES} times")
    except ApiError as error:
        return ServerReview(reason=f"{error.status.code} {error.status.reason}")
    except (httpx2.HTTPError, ConfigError, OSError) as error:
        return ServerReview(reason=f"{type(error).__name__}: {error}")
