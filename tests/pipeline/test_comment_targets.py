"""Comments of pull requests and merge requests, on local servers with the REST APIs of GitHub and GitLab."""

import shutil

import pytest

from eks_pipeline.errors import OperationFailedError, UsageError
from eks_pipeline.review.comment_targets import comment_target
from support.ci_files import write_command
from support.github_server import GitHub
from support.gitlab_server import GitLab


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
    target = comment_target("octo-org/clusters#12")
    url = target.write("<!-- m -->\none")
    assert target.write("<!-- m -->\ntwo") == url
    assert [each["body"] for each in github.comments] == ["LGTM", "<!-- m -->\ntwo"]


def test_equal_comment_is_not_written_again(github):
    target = comment_target("octo-org/clusters#12")
    target.write("<!-- m -->\none")
    target.write("<!-- m -->\none")
    assert github.writes == ["POST"]


def test_comment_is_found_on_a_later_page_and_not_by_a_quotation(github):
    for _ in range(150):
        github.add("see <!-- m -->\nbefore")
    earlier = github.add("<!-- m -->\nearlier")
    comment_target("octo-org/clusters#12").write("<!-- m -->\nnew")
    assert github.writes == ["PATCH"]
    assert earlier["body"] == "<!-- m -->\nnew"


def test_comments_of_other_fleets_stay(github):
    target = comment_target("octo-org/clusters#12")
    target.write("<!-- a -->\n1")
    target.write("<!-- b -->\n2")
    assert len(github.comments) == 2


def test_rejected_token_is_an_error_with_the_permission(github, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "wrong")
    with pytest.raises(
        OperationFailedError, match=r"403 .*\n  fix: give the token the permission pull-requests: write"
    ):
        comment_target("octo-org/clusters#12").write("text")


def test_unreachable_server_is_an_error(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "right")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    with pytest.raises(OperationFailedError, match="GitHub cannot be reached"):
        comment_target("octo-org/clusters#12").write("text")


@pytest.mark.parametrize(
    "text", ["octo-org/clusters", "clusters#1", "https://github.com/octo-org/clusters/pull/1", "clusters!3"]
)
def test_target_must_name_a_pull_request(text):
    with pytest.raises(UsageError, match="must be OWNER/REPOSITORY#NUMBER"):
        comment_target(text)


@pytest.fixture
def gh(monkeypatch, tmp_path):
    """Return a function that puts a `gh` on PATH, in place of every other, and removes the variables with tokens.

    It logs its arguments.
    """
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bash").symlink_to(shutil.which("bash"))
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(script):
        write_command(tmp_path, "gh", f'echo "$*" >> {tmp_path}/log\n{script}')
        return tmp_path / "log"

    return write


def test_token_of_gh_is_used_without_a_variable(github, gh):
    log = gh("echo right")
    comment_target("octo-org/clusters#12").write("<!-- m -->\none")
    assert github.writes == ["POST"]
    assert log.read_text() == "auth token --hostname 127.0.0.1\n"


def test_host_of_gh_is_github_or_that_of_the_enterprise_server(gh, monkeypatch):
    log = gh("echo right")
    monkeypatch.delenv("GITHUB_API_URL", raising=False)
    comment_target("octo-org/clusters#12")
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.com/api/v3/")
    assert comment_target("octo-org/clusters#12").api == "https://github.example.com/api/v3"
    assert log.read_text() == "auth token --hostname github.com\nauth token --hostname github.example.com\n"


def test_variable_with_a_token_is_preferred_to_gh(github, gh, monkeypatch):
    log = gh("echo wrong")
    monkeypatch.setenv("GH_TOKEN", "right")
    comment_target("octo-org/clusters#12").write("text")
    assert not log.exists()


@pytest.mark.parametrize("script", ["echo 'no oauth token found' >&2; exit 1", "exit 0", None])
def test_target_needs_a_token(gh, script):
    """`gh` fails, prints nothing, or is not installed."""
    if script is not None:
        gh(script)
    with pytest.raises(UsageError, match="fix: set GITHUB_TOKEN, or install gh and run `gh auth login`"):
        comment_target("octo-org/clusters#12")


def test_target_is_shown_without_its_token(github):
    assert "right" not in repr(comment_target("octo-org/clusters#12"))


def test_url_of_the_api_must_be_http(github, monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", "file:///etc")
    with pytest.raises(UsageError, match="must be an HTTP URL"):
        comment_target("octo-org/clusters#12")


@pytest.fixture
def gitlab(monkeypatch):
    server = GitLab()
    monkeypatch.setenv("GITLAB_TOKEN", "right")
    monkeypatch.setenv("CI_API_V4_URL", f"{server.url}/api/v4")
    yield server
    server.shutdown()
    server.server_close()


MERGE_REQUEST = "octo-org/infra/clusters!3"


def test_note_of_a_merge_request_is_created_and_then_replaced(gitlab):
    """Also after more than one page of other notes."""
    for _ in range(150):
        gitlab.add("LGTM")
    for text in ("one", "two", "two"):
        url = comment_target(MERGE_REQUEST).write(f"<!-- m -->\n{text}")
        assert url == f"{gitlab.url}/octo-org/infra/clusters/-/merge_requests/3#note_151"
    assert gitlab.writes == ["POST", "PUT"]
    assert gitlab.notes[-1]["body"] == "<!-- m -->\ntwo"


def test_merge_request_needs_a_token_that_can_write_notes(gitlab, monkeypatch):
    monkeypatch.setenv("GITLAB_TOKEN", "wrong")
    with pytest.raises(OperationFailedError, match=r"GitLab rejects GET .*404"):
        comment_target(MERGE_REQUEST).write("text")
    monkeypatch.delenv("GITLAB_TOKEN")
    with pytest.raises(UsageError, match="fix: set GITLAB_TOKEN"):
        comment_target(MERGE_REQUEST)
