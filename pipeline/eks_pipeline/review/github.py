"""Posts the comment of a fleet to a pull request of GitHub, in place of the earlier one.

Source: GitHub REST API, "REST API endpoints for issue comments".
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from eks_pipeline.errors import OperationFailedError, UsageError

_TARGET = re.compile(r"(?P<owner>[\w.-]+)/(?P<repository>[\w.-]+)#(?P<number>\d+)")
_PER_PAGE = 100
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class PullRequest:
    """A pull request, or an issue, of GitHub."""

    owner: str
    repository: str
    number: int
    token: str
    url: str = "https://api.github.com"

    @classmethod
    def parse(cls, text: str) -> PullRequest:
        """Return the target of `--comment-to`, with the token and the URL that GitHub Actions sets.

        Raises `UsageError` for another text, and without a token.
        """
        match = _TARGET.fullmatch(text)
        if match is None:
            rule = f"--comment-to {text!r} must be OWNER/REPOSITORY#NUMBER"
            raise UsageError(f"{rule}\n  fix: pass --comment-to octo-org/clusters#12, for example")
        token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
        if not token:
            raise UsageError(
                "--comment-to needs a token in GITHUB_TOKEN\n  fix: run `export GITHUB_TOKEN=$(gh auth token)`"
            )
        url = os.environ.get("GITHUB_API_URL", cls.url)
        if not url.startswith(("https://", "http://")):
            raise UsageError(f"GITHUB_API_URL {url!r} must be an HTTP URL\n  fix: unset it")
        return cls(match["owner"], match["repository"], int(match["number"]), token, url.rstrip("/"))

    def write(self, text: str) -> str:
        """Create the comment, or replace the earlier one with the same first line; return its URL.

        Raises `OperationFailedError` if GitHub rejects it.
        """
        existing = self._find(text.partition("\n")[0])
        if existing is None:
            created: dict[str, Any] = self._call("POST", f"issues/{self.number}/comments", {"body": text})
            return str(created["html_url"])
        if existing["body"] != text:
            self._call("PATCH", f"issues/comments/{existing['id']}", {"body": text})
        return str(existing["html_url"])

    def _find(self, marker: str) -> dict[str, Any] | None:
        """Return the oldest comment that begins with a marker."""
        page = 1
        while True:
            path = f"issues/{self.number}/comments?per_page={_PER_PAGE}&page={page}"
            comments: list[dict[str, Any]] = self._call("GET", path)
            for comment in comments:
                if (comment.get("body") or "").partition("\n")[0].rstrip("\r") == marker:
                    return comment
            if len(comments) < _PER_PAGE:
                return None
            page += 1

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - `parse` accepts only HTTP URLs
            f"{self.url}/repos/{self.owner}/{self.repository}/{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            fix = "give the token the permission pull-requests: write" if error.code in {401, 403, 404} else "try again"
            raise OperationFailedError(f"GitHub rejects {method} {request.full_url}: {reason}\n  fix: {fix}") from error
        except OSError as error:
            raise OperationFailedError(f"GitHub cannot be reached at {self.url}: {error}\n  fix: try again") from error
