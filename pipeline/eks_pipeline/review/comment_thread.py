"""The comments of a pull request or merge request, read and written by REST."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eks_pipeline.errors import OperationFailedError

_PER_PAGE = 100
_TIMEOUT_SECONDS = 30

Comment = dict[str, Any]


@dataclass(frozen=True)
class CommentThread:
    """The comments of one pull request or merge request."""

    service: str
    """Name of the service in errors."""
    api: str
    """URL of the API, by HTTP."""
    path: str
    """Path of the comments, for GET and POST."""
    update: tuple[str, str]
    """Method that changes a comment, and the path of its id."""
    headers: Mapping[str, str] = field(repr=False)
    """Headers with the token."""
    web_url: Callable[[Comment], str]
    """Returns the page of a comment."""
    permission: str
    """The permission that the token needs, in words."""

    def write(self, text: str) -> str:
        """Create the comment, or replace the earlier one with the same first line; return its URL.

        Raises `OperationFailedError` if the service rejects it.
        """
        existing = self._find(text.partition("\n")[0])
        if existing is None:
            created: Comment = self._call("POST", self.path, {"body": text})
            return self.web_url(created)
        if existing["body"] != text:
            method, path = self.update
            self._call(method, f"{path}/{existing['id']}", {"body": text})
        return self.web_url(existing)

    def _find(self, marker: str) -> Comment | None:
        """Return the oldest comment that begins with a marker."""
        page = 1
        while True:
            # GitLab returns the newest comments first unless `sort` is set; GitHub returns the oldest first.
            comments: list[Comment] = self._call("GET", f"{self.path}?sort=asc&per_page={_PER_PAGE}&page={page}")
            for comment in comments:
                if (comment.get("body") or "").partition("\n")[0].rstrip("\r") == marker:
                    return comment
            if len(comments) < _PER_PAGE:
                return None
            page += 1

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - `comment_targets` accepts only HTTP URLs
            f"{self.api}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", **self.headers},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            fix = f"give the token {self.permission}" if error.code in {401, 403, 404} else "try again"
            message = f"{self.service} rejects {method} {request.full_url}: {reason}\n  fix: {fix}"
            raise OperationFailedError(message) from error
        except OSError as error:
            message = f"{self.service} cannot be reached at {self.api}: {error}\n  fix: try again"
            raise OperationFailedError(message) from error
