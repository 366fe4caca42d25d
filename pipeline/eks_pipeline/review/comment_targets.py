"""Where `--comment-to` posts: a pull request of GitHub, or a merge request of GitLab, with the token for it.

Source: GitHub REST API, "REST API endpoints for issue comments"; GitLab REST API, "Notes API", merge requests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from urllib.parse import quote, urlsplit

from eks_pipeline.errors import UsageError
from eks_pipeline.review.comment_thread import CommentThread

_PULL_REQUEST = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)#(?P<number>\d+)")
_MERGE_REQUEST = re.compile(r"(?P<project>[\w.-]+(?:/[\w.-]+)+)!(?P<number>\d+)")
_GITHUB_API = "https://api.github.com"
_GITLAB_API = "https://gitlab.com/api/v4"
_GH_SECONDS = 30


def comment_target(text: str) -> CommentThread:
    """Return the target of `--comment-to`, with the URL that GitHub Actions or GitLab CI sets.

    Raises `UsageError` for another text, and without a token.
    """
    if match := _PULL_REQUEST.fullmatch(text):
        return _pull_request(match["repository"], match["number"])
    if match := _MERGE_REQUEST.fullmatch(text):
        return _merge_request(match["project"], match["number"])
    rule = f"--comment-to {text!r} must be OWNER/REPOSITORY#NUMBER, or GROUP/PROJECT!NUMBER for GitLab"
    raise UsageError(f"{rule}\n  fix: pass --comment-to octo-org/clusters#12, for example")


def _pull_request(repository: str, number: str) -> CommentThread:
    api = _api("GITHUB_API_URL", _GITHUB_API)
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or _token_of_gh(api)
    if not token:
        raise UsageError(
            "--comment-to needs a token of GitHub\n  fix: set GITHUB_TOKEN, or install gh and run `gh auth login`"
        )
    issues = f"repos/{repository}/issues"
    return CommentThread(
        service="GitHub",
        api=api,
        path=f"{issues}/{number}/comments",
        update=("PATCH", f"{issues}/comments"),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        web_url=lambda comment: str(comment["html_url"]),
        permission="the permission pull-requests: write",
    )


def _token_of_gh(api: str) -> str | None:
    """Return the token of the user who is logged in with `gh`; None without one."""
    program = shutil.which("gh")
    if program is None:
        return None
    host = "github.com" if api == _GITHUB_API else str(urlsplit(api).hostname)
    command = [program, "auth", "token", "--hostname", host]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GH_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _merge_request(project: str, number: str) -> CommentThread:
    api = _api("CI_API_V4_URL", _GITLAB_API)
    token = os.environ.get("GITLAB_TOKEN")
    if not token:
        raise UsageError(
            "--comment-to needs a token of GitLab in GITLAB_TOKEN; the job token of GitLab CI cannot write notes\n"
            "  fix: set GITLAB_TOKEN to a project access token with the role Reporter and the scope api"
        )
    notes = f"projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    page = f"{api.removesuffix('/api/v4')}/{project}/-/merge_requests/{number}"
    return CommentThread(
        service="GitLab",
        api=api,
        path=notes,
        update=("PUT", notes),
        headers={"PRIVATE-TOKEN": token},
        web_url=lambda note: f"{page}#note_{note['id']}",
        permission="the role Reporter and the scope api",
    )


def _api(variable: str, default: str) -> str:
    url = os.environ.get(variable) or default
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"{variable} {url!r} must be an HTTP URL\n  fix: unset it")
    return url.rstrip("/")
