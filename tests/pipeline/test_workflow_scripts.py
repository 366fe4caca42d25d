"""The scripts of the workflows of example 14, run with stand-ins for `gh`, GitLab's API and the pipeline itself."""

import json
import os
import signal
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import tenacity

from eks_pipeline.review.comment_targets import comment_target
from support.ci_files import BASH, gitlab_script, run_script, scripts_of, workflow, write_command

SHA = "0123456789abcdef0123456789abcdef01234567"
OPTIONS = "--fleet fleet.yaml --stack clusters --policy-pack policies"
"""Options of previews and updates of the fleet: a review is valid for the same stacks and policies."""


def with_commands(folder):
    return {"PATH": os.pathsep.join([str(folder), os.environ["PATH"]])}


@pytest.fixture
def gh(tmp_path):
    """Return a function that writes a `gh` which logs its arguments and prints a given output for each subcommand."""
    folder = tmp_path / "bin"

    def write(**outputs):
        cases = "".join(f'  "{key.replace("_", " ")}"*) {output} ;;\n' for key, output in outputs.items())
        write_command(folder, "gh", f'echo "$*" >> {tmp_path}/gh.log\ncase "$*" in\n{cases}  *) : ;;\nesac')
        return with_commands(folder) | {
            "GITHUB_REPOSITORY": "octo-org/clusters",
            "GITHUB_SHA": SHA,
            "GH_TOKEN": "t",
        }

    return write


def log(tmp_path):
    return (tmp_path / "gh.log").read_text()


DOWNLOAD = "mkdir -p reviewed; echo {} > reviewed/preview.json"


def test_update_downloads_the_preview_of_the_merged_pull_request(gh, tmp_path):
    script = scripts_of(workflow("access-up"))["Download the reviewed preview"]
    variables = gh(api="echo feed", run_list="echo 42", run_download=DOWNLOAD)
    done = run_script(script, tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    calls = log(tmp_path).splitlines()
    assert calls[0].startswith(f"api repos/octo-org/clusters/commits/{SHA}/pulls")
    assert "--event pull_request --commit feed --status success" in calls[1]
    assert calls[2] == "run download 42 --repo octo-org/clusters --name reviewed-preview --dir reviewed"
    assert (tmp_path / "reviewed" / "preview.json").exists()


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"api": "true"}, "no pull request was merged as"),
        ({"api": "echo feed", "run_list": "true"}, "no successful access-preview of feed"),
        ({"api": "echo feed", "run_list": "echo 42", "run_download": "exit 1"}, ""),
        ({"api": "exit 4"}, ""),
    ],
)
def test_update_stops_without_a_reviewed_preview(gh, tmp_path, outputs, message):
    """A direct push, a preview that failed, and an expired artifact end the job before the update."""
    script = scripts_of(workflow("access-up"))["Download the reviewed preview"]
    done = run_script(script, tmp_path, **gh(**outputs))
    assert done.returncode != 0
    assert message in done.stdout


@pytest.mark.parametrize(
    ("outcome", "number", "called", "not_called"),
    [
        ("success", "", "issue list", "issue c"),
        ("success", "7", "issue close 7", "issue create"),
        ("failure", "", "issue create", "issue edit"),
        ("failure", "7", "issue edit 7 --body-file drift.md", "issue create"),
    ],
)
def test_drift_keeps_one_issue_open(gh, tmp_path, outcome, number, called, not_called):
    """Each day replaces its text, and the first day without drift closes it."""
    script = scripts_of(workflow("access-drift"))["Issue"]
    done = run_script(script, tmp_path, OUTCOME=outcome, **gh(issue_list=f"echo {number}"))
    assert done.returncode == 0, done.stderr
    assert called in log(tmp_path)
    assert not_called not in log(tmp_path)


class GitLab(ThreadingHTTPServer):
    """GitLab's REST API: the merged commit of project 9, and an artifact of merge request 3."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), GitLabHandler)
        self.merged = [{"iid": 2, "state": "closed"}, {"iid": 3, "state": "merged"}]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class GitLabHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        if path == f"/projects/9/repository/commits/{SHA}/merge_requests":
            self.reply(self.server.merged)
        elif path == "/projects/9/jobs/artifacts/refs%2Fmerge-requests%2F3%2Fhead/raw/preview.json":
            self.reply({"stacks": []})
        else:
            self.reply(None)

    def reply(self, document):
        is_allowed = self.headers["PRIVATE-TOKEN"] == "right" and document is not None
        content = json.dumps(document if is_allowed else {"message": "no"}).encode()
        self.send_response(200 if is_allowed else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def test_cancelled_update_of_github_reaches_the_pipeline(tmp_path):
    """GitHub signals the first process of a step, its shell. Source: GitHub, "Workflow cancellation reference"."""
    started = tmp_path / "started"
    write_command(
        tmp_path / "bin", "eks-pipeline", f"trap 'exit 130' INT\ntouch {started}\nwhile true; do sleep 0.05; done"
    )
    script = tmp_path / "step.sh"
    script.write_text(scripts_of(workflow("access-up"))["Update"])
    variables = {**os.environ, **with_commands(tmp_path / "bin")}
    step = subprocess.Popen([*BASH, str(script)], env=variables, start_new_session=True)
    try:
        for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
            with attempt:
                assert started.exists()
        step.send_signal(signal.SIGINT)
        assert step.wait(timeout=30) == 130
    finally:
        with suppress(ProcessLookupError):
            os.killpg(step.pid, signal.SIGKILL)
        step.wait()


@pytest.fixture
def gitlab():
    server = GitLab()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def run_gitlab(gitlab, tmp_path):
    """Return a function that runs the script of a job, in which `eks-pipeline` and others are stand-ins."""
    commands = tmp_path / "bin"

    def run(job, pipeline):
        write_command(commands, "eks-pipeline", pipeline)
        return run_script(
            gitlab_script(job),
            tmp_path,
            **with_commands(commands),
            AWS_TOKEN="token",
            CI_API_V4_URL=f"http://127.0.0.1:{gitlab.server_port}",
            CI_BUILDS_DIR=str(tmp_path),
            CI_COMMIT_SHA=SHA,
            CI_JOB_ID="5",
            CI_MERGE_REQUEST_IID="3",
            CI_PROJECT_ID="9",
            CI_PROJECT_PATH="octo-group/platform/clusters",
            NO_PROXY="127.0.0.1",
            GITLAB_TOKEN="right",
        )

    return run


def test_preview_of_gitlab_posts_a_note_of_the_merge_request(run_gitlab, tmp_path, monkeypatch):
    done = run_gitlab("preview", 'echo "$*" > called')
    assert done.returncode == 0, done.stderr
    called, _, target = (tmp_path / "called").read_text().strip().rpartition(" ")
    assert called == f"preview {OPTIONS} --save preview.json --save-comment comment.md --comment-to"
    monkeypatch.setenv("GITLAB_TOKEN", "right")
    assert comment_target(target).path == "projects/octo-group%2Fplatform%2Fclusters/merge_requests/3/notes"


@pytest.mark.parametrize("code", [1, 2])
def test_failed_preview_of_gitlab_fails_the_job_with_its_code(run_gitlab, code):
    assert run_gitlab("preview", f"exit {code}").returncode == code


def test_token_of_the_job_is_readable_by_the_job_only(run_gitlab, tmp_path):
    run_gitlab("preview", "cat $AWS_WEB_IDENTITY_TOKEN_FILE > seen")
    assert (tmp_path / "seen").read_text() == "token"
    assert (tmp_path / ".aws-token-5").stat().st_mode & 0o777 == 0o600


def test_update_of_gitlab_takes_the_preview_of_the_merged_request(run_gitlab, tmp_path):
    done = run_gitlab("up", 'echo "$*" > called')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "called").read_text() == f"up {OPTIONS} --reviewed reviewed.json\n"
    assert json.loads((tmp_path / "reviewed.json").read_text()) == {"stacks": []}


@pytest.mark.parametrize("code", [0, 1, 3])
def test_drift_of_gitlab_fails_with_the_code_of_the_comparison(run_gitlab, tmp_path, code):
    done = run_gitlab("drift", f'echo "$*" > called; exit {code}')
    assert done.returncode == code
    assert (tmp_path / "called").read_text() == "drift --fleet fleet.yaml --save-comment drift.md\n"


def test_update_of_gitlab_stops_without_a_merged_request(run_gitlab, gitlab, tmp_path):
    gitlab.merged = []
    done = run_gitlab("up", "touch called")
    assert done.returncode != 0
    assert "nothing was reviewed" in done.stdout
    assert not (tmp_path / "called").exists()
