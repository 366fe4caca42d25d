"""Errors of the library's requests to the API server."""

import httpx2
import pytest
from lightkube.core.exceptions import ApiError

from eks_identity.clients import aws_auth
from eks_identity.clients.kubernetes_api import cluster_error
from eks_identity.errors import ClusterDeniedError

RENEW = "fix: renew the AWS credentials if they expired, or run this as an IAM principal that has access to the cluster"


def api_error(code, reason):
    body = {"kind": "Status", "code": code, "message": reason, "reason": reason}
    return ApiError(response=httpx2.Response(code, json=body, request=httpx2.Request("GET", "https://127.0.0.1")))


class ApiServer:
    """Raises an error for each request."""

    def __init__(self, error):
        self.error = error

    def get(self, *_args, **_options):
        raise self.error


def read_aws_auth(monkeypatch, error):
    monkeypatch.setattr(aws_auth, "client", lambda _kubeconfig: ApiServer(error))
    monkeypatch.setattr(aws_auth.kubeconfigs, "server", lambda _kubeconfig: "https://127.0.0.1")
    with pytest.raises(ClusterDeniedError) as raised:
        aws_auth.AwsAuthConfigMap("").read()
    return str(raised.value)


def test_rejected_token_has_the_expiry_of_credentials_in_its_fix(monkeypatch):
    """The API server says `Unauthorized` for expired credentials, and does not name the expiry."""
    error = api_error(401, "Unauthorized")
    assert str(cluster_error(error, "the roles cannot be listed", "list each Role")).endswith(RENEW)
    assert read_aws_auth(monkeypatch, error).endswith(RENEW)


def test_forbidden_request_has_the_permission_in_its_fix(monkeypatch):
    """The API server accepts the token and denies the request: new credentials would not help."""
    error = api_error(403, "Forbidden")
    listed = str(cluster_error(error, "the roles cannot be listed", "list each Role"))
    assert listed.endswith("fix: run this as an IAM principal that may list each Role in the cluster")
    assert read_aws_auth(monkeypatch, error).endswith("that may get and update that ConfigMap in the cluster")
