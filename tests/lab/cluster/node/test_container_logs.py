"""`kubectl logs`, through the API server and the node's endpoint."""

import asyncio
import ssl

import httpx2
import pytest

from lab.cluster.node.logs import ContainerLog, LogOptions

pytestmark = pytest.mark.usefixtures("node")


def test_logs_tail_timestamps_and_limits(namespace):
    """--tail selects the last lines, --timestamps adds their times, --limit-bytes and --since-time limit the output."""
    namespace.shell("counts", "for i in 1 2 3 4 5; do echo line $i; done")
    assert namespace.kubectl("logs", "counts", "--tail=2") == "line 4\nline 5\n"
    stamp, text = namespace.kubectl("logs", "counts", "--tail=1", "--timestamps").split(" ", 1)
    assert text == "line 5\n"
    assert stamp.endswith("Z")
    assert namespace.kubectl("logs", "counts", "--limit-bytes=9") == "line 1\nli"
    assert namespace.kubectl("logs", "counts", "--since-time=2999-01-01T00:00:00Z") == ""


def test_logs_follow_until_the_container_ends(namespace):
    """-f shows new output, and ends with the container."""
    namespace.run(
        "talks",
        command=["sh", "-c", "echo first; while [ ! -e /data/go ]; do sleep 0.05; done; echo last"],
        restartPolicy="Never",
        volumes=[{"name": "data", "emptyDir": {}}],
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
    )
    namespace.eventually(lambda: namespace.kubectl("logs", "talks").index("first"))
    with namespace.follow("talks") as follower:
        assert follower.stdout.readline() == "first\n"
        namespace.volume("talks", "data").joinpath("go").touch()
        assert follower.stdout.read() == "last\n"


def test_logs_of_one_container(namespace):
    """-c selects the container, also an init container."""
    init = {"name": "before", "image": "busybox", "command": ["echo", "init"]}
    namespace.shell("two", "echo main", initContainers=[init])
    assert namespace.kubectl("logs", "two", "-c", "before") == "init\n"
    assert namespace.kubectl("logs", "two", "-c", "main") == "main\n"


def test_exec_is_not_supported(namespace):
    """The error of kubectl exec says that the lab's node does not support it."""
    namespace.run("stays", image="registry.k8s.io/pause")
    namespace.kubectl("wait", "pod/stays", "--for=condition=Ready", "--timeout=30s")
    assert "the lab's node does not support exec" in namespace.kubectl("exec", "stays", "--", "ls", check=False)


def test_node_endpoint_requires_client_certificate_and_nodes_proxy(cluster, node):
    """The endpoint rejects clients without a certificate of the cluster, and denies users without `nodes/proxy`."""
    template = "{.status.daemonEndpoints.kubeletEndpoint.Port}"
    port = cluster.kubectl("get", "node", node.name, "-o", f"jsonpath={template}")
    url = f"https://127.0.0.1:{port}/healthz"
    context = ssl.create_default_context(cafile=cluster.authority.file)
    with httpx2.Client(verify=context, trust_env=False) as anonymous, pytest.raises(httpx2.TransportError):
        anonymous.get(url)

    def get_with_certificate(name, organization):
        certificate = cluster.authority.issue(name, common_name=name, organization=organization)
        context = ssl.create_default_context(cafile=cluster.authority.file)
        context.load_cert_chain(certificate.certificate, certificate.key)
        with httpx2.Client(verify=context, trust_env=False) as client:
            return client.get(url)

    assert get_with_certificate("somebody", "nobodies").status_code == 403
    assert get_with_certificate("administrator", "system:masters").text == "ok"


async def collect(log, **options):
    return b"".join([part async for part in log.read(LogOptions(**options))])


def test_long_line_and_unterminated_line_are_unchanged(tmp_path):
    """A long line is returned as one line, and a last line without newline gets none."""

    async def write():
        log = ContainerLog(tmp_path / "log")
        log.append(b"a" * 40_000)
        log.append(b"b\nend")
        log.close()
        return await collect(log)

    assert asyncio.run(write()) == b"a" * 40_000 + b"b\nend"


def test_full_log_is_rotated(tmp_path, monkeypatch):
    """Reads return the newest file, and a follower misses no line."""
    monkeypatch.setattr("lab.cluster.node.logs.MAX_FILE_BYTES", 200)

    async def write():
        log = ContainerLog(tmp_path / "log")
        log.append(b"0\n")
        follower = asyncio.create_task(collect(log, follow=True))
        for number in range(1, 20):
            await asyncio.sleep(0)
            log.append(b"%d\n" % number)
            await asyncio.sleep(0)
        log.close()
        return await follower, await collect(log)

    followed, newest = asyncio.run(write())
    assert followed == b"".join(b"%d\n" % number for number in range(20))
    assert newest.endswith(b"19\n")
    assert len(newest) < len(followed)
