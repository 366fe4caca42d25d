"""Requests to an API server that refuses or closes connections, fails, or rejects a valid token for a moment."""

import base64
import socket
import ssl

import pulumi
import pytest
import trustme

from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.clients import kubernetes_api
from eks_identity.clients.aws_auth import AwsAuthConfigMap
from eks_identity.errors import ClusterDeniedError, ClusterUnreachableError
from support.failing_api_server import LOST, RESET, FailingApiServer, kubeconfig, serving

pytestmark = pytest.mark.usefixtures("update")


def test_refused_connections_are_waited_for(starting_server):
    """A read, as hooks and checks send it, succeeds when the API server has started."""
    assert kubernetes_api.list_field_managers(starting_server, "ServiceAccount", "default") == {"existing": []}


@pytest.mark.parametrize("failure", [RESET, LOST, 429, 500, 502, 503, 504])
def test_failed_read_is_repeated(server, failure):
    """A closed connection and the statuses of a server that is not ready are no answers."""
    server.failures["GET"] = [failure, failure]
    assert kubernetes_api.list_field_managers(server.kubeconfig, "ServiceAccount", "default") == {"existing": []}
    assert server.requests == ["GET"] * 3


def test_idle_connection_that_the_server_closed_is_replaced(server):
    """The client keeps a connection, which a restarted server has closed."""
    read = AwsAuthConfigMap(server.kubeconfig).read
    read()
    server.failures["GET"] = [RESET]
    assert read().entries == ()


def test_rejected_token_is_tried_three_times(server):
    """The error has the number of tries, and the fix of expired credentials. Later requests are sent once."""
    server.failures["GET"] = [401] * 9
    with pytest.raises(ClusterDeniedError, match=r"status 401, tried 3 times in \d.\d s\n  fix: renew"):
        AwsAuthConfigMap(server.kubeconfig).read()
    with pytest.raises(ClusterDeniedError, match="status 401\n  fix: renew"):
        AwsAuthConfigMap(server.kubeconfig).read()
    assert server.requests == ["GET"] * 4


def test_wait_for_refused_connections_ends(short_outage, free_port):
    """The error has the number of tries and their time. Later requests do not wait again."""
    stopped = kubeconfig(f"http://127.0.0.1:{free_port}")
    with pytest.raises(ClusterUnreachableError, match=r"refused, tried \d+ times in \d.\d s\n  fix: run this where"):
        AwsAuthConfigMap(stopped).read()
    with pytest.raises(ClusterUnreachableError, match=r"cannot be listed: [^,]* refused\n  fix: run this from where"):
        kubernetes_api.list_field_managers(stopped, "ServiceAccount", "default")


def test_denied_request_is_not_repeated(server):
    """Status 403 is an answer."""
    server.failures["GET"] = [403] * 9
    with pytest.raises(ClusterDeniedError, match="may get and update"):
        AwsAuthConfigMap(server.kubeconfig).read()
    assert server.requests == ["GET"]


def test_wrong_certificate_is_not_repeated(monkeypatch):
    """A certificate of another authority than that of the kubeconfig stays wrong."""
    tries, connect = [], socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *args, **kw: tries.append(None) or connect(*args, **kw))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with serving(FailingApiServer(tls=tls)) as server:
        url = f"https://127.0.0.1:{server.server_address[1]}"
        other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
        with pytest.raises(ClusterUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            AwsAuthConfigMap(kubeconfig(url, other)).read()
    assert len(tries) == 1


def test_unknown_host_is_not_repeated(monkeypatch):
    """The endpoint of a private cluster may have no address outside its network."""
    tries = []

    def fail(*_arguments, **_options):
        tries.append(None)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ClusterUnreachableError, match=r"cannot be read: [^,]*\n"):
        AwsAuthConfigMap(kubeconfig("https://cluster.invalid")).read()
    assert len(tries) == 1


def test_check_of_a_mapping_waits(starting_server):
    """A check may be part of an update, so it waits for the API server as the update itself does."""
    mapping = {"arn": "arn:aws:iam::111122223333:user/ops", "username": "ops", "groups": ["ops"]}
    assert AwsAuthMappingProvider().check({}, {"kubeconfig": starting_server, **mapping}).failures == []


def test_hook_in_a_preview_does_not_wait(monkeypatch, free_port):
    """The hook of a preview warns at once that it verifies nothing."""
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    with pytest.raises(ClusterUnreachableError, match="refused\n"):
        kubernetes_api.list_field_managers(kubeconfig(f"http://127.0.0.1:{free_port}"), "Role", "default")
