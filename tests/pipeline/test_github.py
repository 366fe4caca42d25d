"""Comments of pull requests on a local server with GitHub's REST API for issue comments."""

import pytest

from eks_pipeline.errors import OperationFailedError, UsageError
from eks_pipeline.review.github import PullRequest
from support.github_server import GitHub


@pytest.fixture
def github(monkeypatch):
    server = GitHub()
    monkeypatch.setenv("GITHUB_TOKEN", "right")
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


def test_comment_is_created_and_then_replaced(github):
    github.add("LGTM")
    target = PullRequest.parse("octo-org/clusters#12")
    url = target.write("<!-- m -->\none")
    assert target.write("<!-- m -->\ntwo") == url
    assert [each["body"] for each in github.comments] == ["LGTM", "<!-- m -->\ntwo"]


def test_equal_comment_is_not_written_again(github):
    target = PullRequest.parse("octo-org/clusters#12")
    target.write("<!-- m -->\none")
    target.write("<!-- m -->\none")
    assert github.writes == ["POST"]


def test_comment_is_found_on_a_later_page_and_not_by_a_quotation(github):
    for _ in range(150):
        github.add("see <!-- m -->\nbefore")
    earlier = github.add("<!-- m -->\nearlier")
    PullRequest.parse("octo-org/clusters#12").write("<!-- m -->\nnew")
    assert github.writes == ["PATCH"]
    assert earlier["body"] == "<!-- m -->\nnew"


def test_comments_of_other_fleets_stay(github):
    target = PullRequest.parse("octo-org/clusters#12")
    target.write("<!-- a -->\n1")
    target.write("<!-- b -->\n2")
    assert len(github.comments) == 2


def test_rejected_token_is_an_error_with_the_permission(github, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "wrong")
    with pytest.raises(
        OperationFailedError, match=r"403 .*\n  fix: give the token the permission pull-requests: write"
    ):
        PullRequest.parse("octo-org/clusters#12").write("text")


def test_unreachable_server_is_an_error(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "right")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    with pytest.raises(OperationFailedError, match="GitHub cannot be reached"):
        PullRequest.parse("octo-org/clusters#12").write("text")


@pytest.mark.parametrize("text", ["octo-org/clusters", "clusters#1", "https://github.com/octo-org/clusters/pull/1"])
def test_target_must_name_a_pull_request(text):
    with pytest.raises(UsageError, match="must be OWNER/REPOSITORY#NUMBER"):
        PullRequest.parse(text)


def test_target_needs_a_token_and_an_http_url(monkeypatch):
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="fix: run `export GITHUB_TOKEN"):
        PullRequest.parse("octo-org/clusters#12")
    monkeypatch.setenv("GH_TOKEN", "right")
    monkeypatch.setenv("GITHUB_API_URL", "file:///etc")
    with pytest.raises(UsageError, match="must be an HTTP URL"):
        PullRequest.parse("octo-org/clusters#12")
