"""Requests that the API server answers with 401, as it does while the authenticator gets errors from STS."""

import json
import threading
from http.server import ThreadingHTTPServer

import pytest
import yaml
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Namespace

from eks_access.graph.tables import NotReadError
from eks_access.sources.live_connection import TRIES, ContextConnection, TokenRejectedError
from eks_access.sources.live_kubeconfig import find_context
from eks_access.sources.live_kubernetes import LiveKubernetes
from support.json_requests import JsonRequestHandler

TOKEN = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "t"}}


class ApiServer(ThreadingHTTPServer):
    """An API server with three pages of one pod each, that rejects the requests whose numbers are in `rejected`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ApiRequest)
        self.rejected, self.status, self.paths = range(0), 401, []


class ApiRequest(JsonRequestHandler):
    def do_GET(self):  # noqa: N802
        number = len(self.server.paths)
        path, _, query = self.path.partition("?")
        self.server.paths.append(path)
        if number in self.server.rejected:
            return self.respond(self.server.status, {"kind": "Status", "code": self.server.status, "message": "no"})
        if path != "/api/v1/pods":
            return self.respond(200, {"metadata": {"name": path.rpartition("/")[2]}})
        page = int(query.partition("continue=")[2] or 0)
        pod = {"metadata": {"namespace": "default", "name": f"pod-{page}"}, "spec": {"containers": []}}
        after = {"continue": str(page + 1)} if page < 2 else {}
        return self.respond(200, {"metadata": after, "items": [pod]})


@pytest.fixture
def server():
    with ApiServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between tries, which take no time."""
    waited = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    return waited


@pytest.fixture
def commands(tmp_path):
    """A file with one line for each run of the token command."""
    return tmp_path / "commands"


@pytest.fixture
def connection(server, commands, tmp_path):
    script = f"echo run >> '{commands}'; echo '{json.dumps(TOKEN)}'"
    command = {"apiVersion": TOKEN["apiVersion"], "command": "sh", "args": ["-c", script]}
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"exec": command}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return ContextConnection(find_context(file, None, None, None))


@pytest.fixture
def kubernetes(connection):
    return LiveKubernetes(connection, None)


def get_namespace(connection):
    return connection.request(lambda client: client.get(Namespace, "default")).metadata.name


def test_accepted_token_is_used_without_a_pause(connection, pauses, server):
    """Without a 401, each request is sent once."""
    assert get_namespace(connection) == get_namespace(connection) == "default"
    assert (len(server.paths), pauses) == (2, [])


@pytest.mark.parametrize(("failures", "waited"), [(1, [0.2]), (2, [0.2]), (3, [0.2, 0.4]), (4, [0.2, 0.4])])
def test_request_is_repeated_while_unauthorized(failures, waited, connection, pauses, server, commands):
    """The first try is sent once; then lightkube sends each try with the last token, and with a new one."""
    server.rejected = range(failures)
    assert get_namespace(connection) == "default"
    assert (len(server.paths), pauses) == (failures + 1, waited)
    assert len(commands.read_text().splitlines()) == 1 + failures // 2


def test_rejected_token_is_reported_within_a_second(connection, pauses, server, commands):
    """A connection whose token is wrong waits once, and sends no further requests."""
    server.rejected = range(100)
    for _ in range(3):
        with pytest.raises(TokenRejectedError, match="does not accept the token, in 3 tries"):
            get_namespace(connection)
    assert sum(pauses) < 1
    assert len(server.paths) == 2 * TRIES - 1
    assert len(commands.read_text().splitlines()) == TRIES


def test_denied_request_is_not_repeated(connection, pauses, server):
    """403 is the answer of the authorizer to an accepted token."""
    server.rejected, server.status = range(1), 403
    with pytest.raises(ApiError):
        get_namespace(connection)
    assert pauses == []
    assert get_namespace(connection) == "default"


@pytest.mark.usefixtures("pauses")
def test_listing_is_read_from_the_start_after_a_401(kubernetes, server):
    """A page that is rejected, with both tokens, neither ends the listing nor repeats an object."""
    server.rejected = (1, 2)
    assert [pod.name for pod in kubernetes.pods.all().values()] == ["pod-0", "pod-1", "pod-2"]
    assert len(server.paths) == 3 + 3


@pytest.mark.usefixtures("pauses")
def test_parts_that_are_not_read_say_why(kubernetes, server):
    """Each part has the reason, also those that are read after the first."""
    server.rejected = range(100)
    for part in (kubernetes.pods.all, kubernetes.aws_auth.get, kubernetes.check):
        with pytest.raises(NotReadError, match="Unauthorized: the API server does not accept the token, in 3 tries"):
            part()
