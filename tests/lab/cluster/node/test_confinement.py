"""Confinement of pods: what the processes of a pod can read, write and reach outside of their container."""

import errno
import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from lab.cluster.node import Confinement, landlock
from lab.interfaces import NodeGroup

ROLE = "arn:aws:iam::123456789012:role/n"
CONFINEMENT = Confinement.detect()
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
confined = pytest.mark.skipif(not CONFINEMENT.is_active, reason=f"pods are not confined: {CONFINEMENT.detail}")


def python(script):
    """Return a shell command that runs `script` with the lab's interpreter."""
    return shlex.join([sys.executable, "-I", "-c", script])


def token_of_a_running_pod(namespace):
    namespace.run("holder", command=["sh", "-c", "sleep 600"])
    namespace.wait("holder", "{.status.phase}", "Running")
    (volume,) = [volume["name"] for volume in namespace.pod("holder")["spec"]["volumes"]]
    return namespace.volume("holder", volume) / "token"


@confined
@pytest.mark.usefixtures("node")
def test_pod_cannot_read_files_of_the_lab_and_of_the_user(namespace, cluster):
    """Reads are denied of kubeconfigs, private keys, tokens of other pods, the user's home and temporary files."""
    token = token_of_a_running_pod(namespace)
    files = [cluster.kubeconfig, cluster.keys / "sa.key", cluster.keys / "pki" / "ca.key", token]
    folders = [Path.home(), Path(tempfile.gettempdir()), Path(__file__).parent]
    folders += [cluster.folder, cluster.keys, token.parents[3]]
    assert all(file.read_bytes() for file in files)
    reads = [f"cat {file}" for file in files] + [f"ls -A {folder}" for folder in folders]
    script = "\n".join(f"{read} >/dev/null 2>&1 && echo allowed: {read}" for read in reads)
    assert namespace.shell("reads", f"{script}\necho done") == "done\n"


@confined
@pytest.mark.usefixtures("node")
def test_pod_writes_to_its_own_folders_only(namespace, tmp_path):
    """A container writes its home, its TMPDIR and its emptyDir volumes; its token and read-only mounts it reads."""
    mounts = [
        {"name": "data", "mountPath": "/data"},
        {"name": "data", "mountPath": "/data-in-subfolder", "subPath": "folder"},
        {"name": "fixed", "mountPath": "/fixed", "readOnly": True},
    ]
    volumes = [{"name": name, "emptyDir": {}} for name in ("data", "fixed")]
    script = f"""
    mkdir /data/folder && echo 1 > /data-in-subfolder/file && mv /data/folder/file /data/file && cat /data/file
    echo 2 > $HOME/file && ln $HOME/file $TMPDIR/link && cat $TMPDIR/link
    [ -s {TOKEN_FOLDER}/token ] && cat {TOKEN_FOLDER}/namespace && echo
    for file in {TOKEN_FOLDER}/token /fixed/file {tmp_path}/file; do
      (echo 3 > $file) 2>/dev/null && echo "allowed: $file"
    done
    ln -s {tmp_path} /data/link
    ls /data/link/ 2>/dev/null || echo denied
    """
    output = namespace.shell("writes", script, volumes=volumes, volumeMounts=mounts)
    assert output == f"1\n2\n{namespace.name}\ndenied\n"


READS_OF_A_PROCESS = (("cat", "environ"), ("cat", "maps"), ("cat", "auxv"), ("readlink", "fd/0"), ("ls", "root/"))


@confined
@pytest.mark.usefixtures("node")
def test_pod_cannot_trace_other_processes(namespace):
    """The environment, the memory and the descriptors of the test's process are denied to a pod."""
    folder = f"/proc/{os.getpid()}"
    reads = " || ".join(f"{read} {folder}/{name}" for read, name in READS_OF_A_PROCESS)
    assert namespace.shell("traces", f"({reads}) >/dev/null 2>&1 && echo allowed; echo done") == "done\n"


@confined
@pytest.mark.skipif(CONFINEMENT.abi < landlock.SIGNAL_ABI, reason=CONFINEMENT.detail)
@pytest.mark.usefixtures("node")
def test_pod_signals_its_own_processes_only(namespace):
    """A pod cannot send a signal to the test's process, nor to its own shim."""
    script = f"sleep 60 & kill -0 {os.getpid()} && echo allowed; kill -0 $PPID && echo allowed; kill $! && echo done"
    assert namespace.shell("signals", f"({script}) 2>/dev/null") == "done\n"


@confined
@pytest.mark.usefixtures("node")
def test_pod_cannot_connect_to_unix_sockets(namespace, tmp_path):
    """A pod cannot open UNIX sockets, by which a server of the user would act for it; pairs of stream sockets work."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()
        script = f"""
import socket
def attempt(function, *arguments):
    try:
        function(*arguments)
        print("allowed")
    except OSError as error:
        print(error.errno)
attempt(lambda: socket.socket(socket.AF_UNIX).connect({str(tmp_path / "server")!r}))
attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
attempt(socket.socketpair, socket.AF_UNIX, socket.SOCK_STREAM)
attempt(socket.create_server, ("127.0.0.1", 0))
"""
        output = namespace.shell("connects", python(script))
    assert output.split() == [str(errno.EACCES), str(errno.EACCES), "allowed", "allowed"]


@confined
@pytest.mark.usefixtures("node")
def test_pod_has_no_privileges(namespace):
    """A pod has no capabilities, even if root has started the lab, and gains none by programs such as sudo."""
    output = namespace.shell("privileges", "grep -E '^(CapPrm|CapEff|NoNewPrivs):' /proc/self/status")
    assert output.split() == ["CapPrm:", "0" * 16, "CapEff:", "0" * 16, "NoNewPrivs:", "1"]


def test_unconfined_pods(namespace, add_node, cluster):
    """Without Landlock pods run as before: they can read the files of the user."""
    group = NodeGroup("open", ROLE, labels={"open": "yes"})
    add_node(group=group, confinement=Confinement.disable())
    output = namespace.shell("reads", f"cat {cluster.kubeconfig}", nodeSelector={"open": "yes"})
    assert output == cluster.kubeconfig.read_text()


def test_machine_without_landlock(monkeypatch):
    """`detect` reports why pods are not confined: the kernel's error, or that of the first confined process."""

    def unavailable():
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(landlock, "read_abi", unavailable)
    confinement = Confinement.detect()
    assert not confinement.is_active
    assert confinement.detail == "Landlock is not available (Function not implemented); it needs Linux 5.13 or newer"


@confined
def test_machine_that_denies_restrictions(monkeypatch):
    """If a process cannot start under the restrictions, pods are not confined, and `detect` reports its error."""
    monkeypatch.setattr("lab.cluster.node.container_process.build_filter", lambda: b"no filter")
    confinement = Confinement.detect()
    assert not confinement.is_active
    assert "cannot be restricted" in confinement.detail
    assert "Invalid argument" in confinement.detail


@confined
@pytest.mark.parametrize(
    ("abi", "missing"), [(1, ["truncate", "signals"]), (2, ["truncate", "signals"]), (3, ["signals"]), (5, ["signals"])]
)
def test_older_kernels(monkeypatch, abi, missing):
    """On an older kernel pods are confined with what its Landlock has, and `detect` reports what is missing."""
    monkeypatch.setattr(landlock, "read_abi", lambda: abi)
    confinement = Confinement.detect()
    assert confinement.abi == abi
    _, *sentences = confinement.detail.split("; ")
    assert [next(word for word in ("truncate", "signals") if word in sentence) for sentence in sentences] == missing
