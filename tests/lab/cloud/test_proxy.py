"""The proxy: AWS host names, blocked hosts, certificates, and unusual clients."""

import asyncio
import gc
import hashlib
import os
import socket
import ssl
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import AsyncMock, Mock, patch

import httpx2
import pytest
from botocore.config import Config
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.cloud import issuers
from lab.cloud.certificates import HostCertificates, is_aws_host
from lab.cloud.proxy import Proxy
from lab.interfaces import clean_environment
from support.cloud_helpers import Issuer, client, unique_name


@pytest.fixture(scope="module")
def http(cloud):
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    with httpx2.Client(proxy=cloud.access.proxy_url, verify=tls, trust_env=False, timeout=30) as http:
        yield http


def address(cloud):
    return "127.0.0.1", int(cloud.access.proxy_url.rpartition(":")[2])


def send(cloud, text):
    """Send `text` to the proxy and return all that it sends until it closes the connection."""
    with socket.create_connection(address(cloud), timeout=30) as connection:
        connection.sendall(text.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "amazonaws.com:443",
        "evilamazonaws.com:443",
        "sts.amazonaws.com.evil.com:443",
        "sts.amazonaws.com:80",
        "sts.amazonaws.com:8443",
        "169.254.169.254:80",
        "127.0.0.1:22",
        "localhost:443",
        "[::1]:443",
        "console.aws.amazon.com:443",
        "sts..amazonaws.com:443",
    ],
)
def test_other_hosts_are_blocked_with_a_reason(cloud, target):
    """Hosts other than AWS's API get 403, with the reason in the status line and the body."""
    response = send(cloud, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")
    reason = f"the lab's proxy serves AWS hosts only (HTTPS, port 443) and blocks {target}"
    assert response.startswith(f"HTTP/1.1 403 Forbidden: {reason}\r\n")
    assert response.endswith(f"\r\n\r\n{reason}\n")


def test_plain_http_is_blocked_with_a_reason(cloud):
    """Requests without TLS are blocked, for AWS hosts too."""
    for url in ("http://example.com/", "http://sts.amazonaws.com/", "/"):
        response = send(cloud, f"POST {url} HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabc")
        assert response.startswith("HTTP/1.1 403 Forbidden: the lab's proxy serves HTTPS to AWS only, not POST")


def test_blocked_upload_receives_the_response(cloud):
    """A client that sends a large upload receives the response of the proxy."""
    body = "x" * 5_000_000
    response = send(cloud, f"PUT http://example.com/ HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    assert response.startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize("text", ["\x16\x03\x01\x02\x00", "HELLO\r\n\r\n", "CONNECT\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"])
def test_invalid_http_closes_the_connection(cloud, text):
    """Input that is not HTTP gets no success response, and later requests work."""
    with socket.create_connection(address(cloud), timeout=30) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        assert b"200" not in b"".join(iter(lambda: connection.recv(65536), b""))
    assert client(cloud, "sts").get_caller_identity()


@pytest.mark.parametrize(
    ("host", "is_aws"),
    [
        ("sts.amazonaws.com", True),
        ("eks.ap-northeast-1.amazonaws.com", True),
        ("oidc.eks.ap-northeast-1.amazonaws.com", True),
        ("my.bucket.s3.ap-northeast-1.amazonaws.com", True),
        ("sts.cn-north-1.amazonaws.com.cn", True),
        ("eks-auth.ap-northeast-1.api.aws", True),
        ("amazonaws.com", False),
        ("xamazonaws.com", False),
        ("sts.amazonaws.com.", False),
        ("a b.amazonaws.com", False),
        ("../x.amazonaws.com", False),
        ("-x.amazonaws.com", False),
        ("sts.amazonaws.org", False),
        ("my.bucket.s3-ap-northeast-1.amazonaws.com", True),
        ("s3.dualstack.ap-northeast-1.amazonaws.com", True),
        ("api.ecr.ap-northeast-1.amazonaws.com", True),
        ("iam.us-gov.amazonaws.com", True),
        ("iam.global.api.aws", True),
        ("sts-fips.us-east-1.amazonaws.com", True),
        ("ap-northeast-1.queue.amazonaws.com", True),
        ("cn-north-1.queue.amazonaws.com.cn", True),
        ("eks-auth.cn-north-1.api.amazonwebservices.com.cn", True),
        ("a1b2c3.execute-api.us-east-1.amazonaws.com", True),
        ("nothing.ap-northeast-1.amazonaws.com", False),
        ("sts.ap-nowhere-9.amazonaws.com", False),
        ("sts.ap-northeast-1.amazonaws.com.cn", False),
        ("sts.cn-north-1.amazonaws.com", False),
        ("a.sts.amazonaws.com", False),
        ("eks.a.b.c.amazonaws.com", False),
        ("ap-northeast-1.amazonaws.com", False),
        ("motoapi.amazonaws.com", False),
    ],
)
def test_aws_host_names(host, is_aws):
    """AWS's API has host names with any number of labels in three domains."""
    assert is_aws_host(host) is is_aws


@pytest.mark.parametrize(
    "host",
    [
        "sts.amazonaws.com",
        "eks.ap-northeast-1.amazonaws.com",
        "a.b.c.s3.ap-northeast-1.amazonaws.com",
        "eks-auth.ap-northeast-1.api.aws",
        "iam.cn-north-1.amazonaws.com.cn",
        f"{'x' * 63}.s3.ap-northeast-1.amazonaws.com",
    ],
)
def test_certificates_of_host_names_with_any_number_of_labels(http, host):
    """Each AWS host has a certificate that a client with the lab's certificate authority accepts."""
    assert http.get(f"https://{host}/").status_code in {400, 403, 404}


def test_certificates_are_limited_to_the_last_used_hosts(authority):
    """At most `limit` certificates are stored, those of the hosts used last, and none of them as a file."""
    files = set(authority.folder.iterdir())
    certificates = HostCertificates(authority, limit=3)
    hosts = [f"bucket-{number}.s3.ap-northeast-1.amazonaws.com" for number in range(5)]
    contexts = {host: certificates.context(host) for host in hosts}
    assert certificates.context(hosts[4]) is contexts[hosts[4]]
    assert certificates.context(hosts[2]) is contexts[hosts[2]]
    assert certificates.context(hosts[0]) is not contexts[hosts[0]]
    assert certificates.context(hosts[2]) is contexts[hosts[2]]
    assert certificates.context(hosts[3]) is not contexts[hosts[3]]
    assert set(authority.folder.iterdir()) == files


def test_oidc_issuer_documents(http, issuer):
    """A cluster's issuer publishes its OpenID configuration and its keys, as EKS's does."""
    configuration = http.get(f"{issuer.url}/.well-known/openid-configuration").json()
    assert configuration["issuer"] == issuer.url
    assert http.get(configuration["jwks_uri"]).json() == issuer.jwks()


def test_certificate_chain_of_an_oidc_issuer_ends_with_its_authority(cloud, http, issuer):
    """eksctl takes the thumbprint of the last certificate that an issuer presents: that of the authority, as on AWS."""
    with http.stream("GET", f"{issuer.url}/keys") as response:
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        presented = tls.get_unverified_chain()
    authority = Path(cloud.access.ca_file).read_text()
    assert [certificate.public_bytes() for certificate in presented][1:] == [authority]


def test_unregistered_oidc_issuer_returns_404(http):
    """A missing issuer, and any other document of an issuer, returns 404."""
    other = Issuer(url="https://oidc.eks.ap-northeast-1.amazonaws.com/id/00000000000000000000000000000000")
    assert http.get(f"{other.url}/keys").status_code == 404
    other.publish()
    assert http.get(f"{other.url}/keys").status_code == 200
    assert http.get(f"{other.url}/secrets").status_code == 404
    issuers.unregister(other.url)
    assert http.get(f"{other.url}/keys").status_code == 404


def test_large_s3_object(cloud):
    """An S3 object of twenty megabytes is uploaded and downloaded unchanged."""
    s3, bucket, body = client(cloud, "s3"), unique_name("bucket"), os.urandom(20_000_000)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    downloaded = s3.get_object(Bucket=bucket, Key="large")["Body"].read()
    assert hashlib.sha256(downloaded).digest() == hashlib.sha256(body).digest()


def test_concurrent_connections(cloud):
    """64 concurrent callers all receive their own identity."""
    threads = 64
    pool_config = Config(max_pool_connections=threads)
    sts = client(cloud, "sts", config=pool_config)
    barrier = threading.Barrier(threads)

    def read_arn(_number):
        barrier.wait()
        return sts.get_caller_identity()["Arn"]

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(read_arn, range(threads))) == {f"arn:aws:iam::{cloud.account}:user/lab-admin"}


def test_idle_and_half_closed_clients_do_not_block_others(cloud):
    """Idle and half-closed connections do not block other clients."""
    with ExitStack() as stack:
        for text in ("", "CONNECT sts.am", "CONNECT sts.amazonaws.com:443 HTTP/1.1\r\n\r\n"):
            for half_close in (True, False):
                idle = stack.enter_context(socket.create_connection(address(cloud), timeout=30))
                idle.sendall(text.encode())
                if half_close:
                    idle.shutdown(socket.SHUT_WR)
        assert client(cloud, "sts").get_caller_identity()


def test_slow_client(cloud):
    """A request that arrives byte by byte is served."""
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    with socket.create_connection(address(cloud), timeout=30) as connection:
        for byte in b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nHost: sts.amazonaws.com\r\n\r\n":
            connection.send(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with tls.wrap_socket(connection, server_hostname="sts.amazonaws.com") as secure:
            for byte in b"GET / HTTP/1.1\r\nHost: sts.amazonaws.com\r\nConnection: close\r\n\r\n":
                secure.send(bytes([byte]))
            assert secure.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_server_threads_end_with_their_connections(cloud):
    """The threads that serve connections end after the clients disconnect."""
    before = set(threading.enumerate())
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: client(cloud, "sts").get_caller_identity(), range(32)))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
        assert not thread.is_alive(), thread


def reset(connection):
    """Close a connection with a reset, as a client does that is killed with unread data."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


CONNECT = b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nHost: sts.amazonaws.com\r\n\r\n"
REQUEST = b"POST / HTTP/1.1\r\nHost: sts.amazonaws.com\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [b"", REQUEST[:20], REQUEST, REQUEST + b"x" * 50, REQUEST + b"x" * 100, (REQUEST + b"x" * 100) * 50],
    ids=["nothing", "part of the head", "head", "part of the body", "a request", "many requests"],
)
def test_reset_connections_leak_no_thread_and_no_descriptor(cloud, sent):
    """A reset by the client at any point of a request ends the connection to the server and its thread."""
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)

    def connect_and_reset():
        connection = socket.create_connection(address(cloud), timeout=30)
        connection.sendall(CONNECT)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        secure = tls.wrap_socket(connection, server_hostname="sts.amazonaws.com")
        secure.sendall(sent)
        reset(secure)

    def resources():
        return threading.active_count(), count_descriptors()

    connect_and_reset()
    wait_until(lambda: not [thread for thread in threading.enumerate() if "process_request_thread" in thread.name])
    before = resources()
    for _ in range(10):
        connect_and_reset()
    wait_until(lambda: resources() <= before)
    assert client(cloud, "sts").get_caller_identity()


@pytest.mark.parametrize("sent", [b"", CONNECT[:10], CONNECT, CONNECT + b"\x16\x03\x01"])
def test_connections_that_are_reset_before_tls_leak_no_descriptor(cloud, sent):
    """A reset before or in the TLS handshake closes the connection in the proxy."""
    before = count_descriptors()
    for _ in range(10):
        connection = socket.create_connection(address(cloud), timeout=30)
        connection.sendall(sent)
        reset(connection)
    wait_until(lambda: count_descriptors() <= before)


def test_reset_while_a_large_response_is_sent(cloud):
    """A client that resets a download ends the server's thread too."""
    s3, bucket = client(cloud, "s3", config=Config(signature_version="s3v4")), unique_name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 20_000_000)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "large"})
    host, _, path = url.removeprefix("https://").partition("/")
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    before = threading.active_count()
    connection = socket.create_connection(address(cloud), timeout=30)
    connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    secure = tls.wrap_socket(connection, server_hostname=host)
    secure.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert secure.recv(100).startswith(b"HTTP/1.1 200 ")
    reset(secure)
    wait_until(lambda: threading.active_count() <= before)


def count_descriptors():
    # When its read fails, werkzeug does not close its selector. The selector is a cycle, which Python frees later.
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_until(condition):
    for attempt in Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.05), reraise=True):
        with attempt:
            assert condition()


@pytest.mark.parametrize("steps", range(8))
def test_stop_closes_the_upstream_connection_at_any_step(cloud, steps):
    """A connection that ends while the proxy stops leaves no open socket. Python would report it in a later test."""
    upstream_writers = []

    async def connect(*address):
        reader, writer = await open_connection(*address)
        upstream_writers.append(writer)
        return reader, writer

    async def stop_at_step():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        proxy = Proxy(cloud, server.sockets[0].getsockname()[1])
        client_side = Mock(drain=AsyncMock(), wait_closed=AsyncMock())
        forwarding = asyncio.ensure_future(proxy._forward(asyncio.StreamReader(), client_side))
        while not upstream_writers or not upstream_writers[0].transport.get_protocol()._stream_reader.at_eof():  # noqa: ASYNC110 - each step counts
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        forwarding.cancel()
        await asyncio.gather(forwarding, return_exceptions=True)
        server.close()

    open_connection = asyncio.open_connection
    with patch("asyncio.open_connection", connect):
        asyncio.run(stop_at_step())
    assert upstream_writers[0].transport.is_closing()


def test_curl_is_blocked(cloud):
    """curl with the lab's environment cannot reach other hosts."""
    environment = {**clean_environment(os.environ), **cloud.access.environment()}
    run = subprocess.run(
        ["curl", "-sS", "-o", "-", "https://example.com"], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 56
    assert "403" in run.stderr
