"""etcd of one cluster: in a folder that only the current user can read, and without a TCP port.

etcd listens on UNIX sockets in that folder. Other users of the machine therefore cannot read or write the cluster's
data, and etcd needs no certificates. The names of the sockets are relative, because a socket address has at most 107
bytes for the path; so etcd and the API server run in the same working directory. etcd and the API server's check of it
require `host:port` in the URL: the socket of `unix://client:1` is the file `client:1`.
"""

from __future__ import annotations

from pathlib import Path

from lab.cluster.processes import Process

CLIENT_URL = "unix://client:1"
_PEER_URL = "unix://peer:1"


def start(program: str, folder: Path, logs: Path) -> Process:
    """Start etcd in `folder` and return when its socket exists.

    It serves requests once it has elected itself leader.
    """
    arguments = (
        program,
        "--name=lab",
        "--data-dir=etcd",
        f"--listen-client-urls={CLIENT_URL}",
        f"--advertise-client-urls={CLIENT_URL}",
        f"--listen-peer-urls={_PEER_URL}",
        f"--initial-advertise-peer-urls={_PEER_URL}",
        f"--initial-cluster=lab={_PEER_URL}",
        # A single member elects itself. With the default timeout that would take a second. Each interval costs
        # processor time as long as etcd runs.
        "--heartbeat-interval=50",
        "--election-timeout=250",
        # The data is deleted with the cluster.
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    process = Process("etcd", arguments, log=logs / "etcd.log", folder=folder, environment={})
    socket = folder / CLIENT_URL.removeprefix("unix://")
    process.wait_until(socket.is_socket, what="listening", timeout=60)
    return process
