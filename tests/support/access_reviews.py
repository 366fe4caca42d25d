"""SubjectAccessReviews and TokenReviews of an API server, many at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lightkube import Client
from lightkube.models.authentication_v1 import TokenReviewSpec
from lightkube.models.authorization_v1 import NonResourceAttributes, ResourceAttributes, SubjectAccessReviewSpec
from lightkube.resources.authentication_v1 import TokenReview
from lightkube.resources.authorization_v1 import SubjectAccessReview
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from eks_identity.evaluation.rbac import AUTHENTICATED, Request

THREADS = 6


@dataclass(frozen=True)
class ReviewedUser:
    """A user as the API server's authentication returns it. Access policies need `uid` and `extra`."""

    username: str
    groups: tuple[str, ...] = ()
    uid: str | None = None
    extra: dict[str, Any] = field(default_factory=dict, hash=False)


def authenticate(client: Client, token: str) -> ReviewedUser | None:
    """Return the user that the API server authenticates a token as."""
    status = client.create(TokenReview(spec=TokenReviewSpec(token=token))).status
    if status is None or not status.authenticated or status.user is None:
        return None
    user = status.user
    return ReviewedUser(user.username or "", tuple(user.groups or ()), user.uid, dict(user.extra or {}))


def review(client: Client, user: ReviewedUser, requested: Request) -> bool:
    """Return whether a SubjectAccessReview allows the request."""
    groups = [*dict.fromkeys((*user.groups, AUTHENTICATED))]
    spec = SubjectAccessReviewSpec(
        user=user.username, groups=groups, uid=user.uid, extra=user.extra or None, **_attributes(requested)
    )
    status = client.create(SubjectAccessReview(spec=spec)).status
    return status is not None and status.allowed


def review_all(client: Client, questions: Iterable[tuple[ReviewedUser, Request]]) -> list[bool]:
    """Return what `review` returns for each question. The threads share the client's connections."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda question: review(client, *question), questions))


@retry(retry=retry_if_result(lambda allowed: not allowed), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def wait_until_allowed(client: Client, user: ReviewedUser, requested: Request) -> bool:
    """Wait until the API server's authorizer has the binding that allows this request."""
    return review(client, user, requested)


def _attributes(requested: Request) -> dict[str, Any]:
    if requested.is_path:
        return {"nonResourceAttributes": NonResourceAttributes(path=requested.resource, verb=requested.verb)}
    resource, _, subresource = requested.resource.partition("/")
    return {
        "resourceAttributes": ResourceAttributes(
            verb=requested.verb,
            group=requested.api_group,
            resource=resource,
            subresource=subresource or None,
            namespace=requested.namespace,
            name=requested.name,
        )
    }
