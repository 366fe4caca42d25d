"""etcd of one cluster: in a folder that only the user may enter, and on no port at all.

It speaks over UNIX sockets in that folder, so nobody else on the machine can read or write the cluster behind the API
server's back, and no certificates are needed for it. The sockets' names are relative, because a path has at most 107
bytes in a socket address; etcd and the API server therefore run in the same folder. etcd and the API server's
check of it want `host:port` in the URL: the socket of `unix://client:1` is the file `client:1`.
"""

from __future__ import annotations

from pathlib import Path

from lab.cluster.processes import Process

CLIENT_URL = "unix://client:1"
_PEER_URL = "unix://peer:1"


def start(program: str, folder: Path, logs: Path) -> Process:
    """Start etcd in `folder`; returns when its socket takes connections (it answers them once it leads itself)."""
    arguments = (
        program,
        "--name=lab",
        "--data-dir=etcd",
        f"--listen-client-urls={CLIENT_URL}",
        f"--advertise-client-urls={CLIENT_URL}",
        f"--listen-peer-urls={_PEER_URL}",
        f"--initial-advertise-peer-urls={_PEER_URL}",
        f"--initial-cluster=lab={_PEER_URL}",
        # A single member has nobody to wait for: with the default timeout it would take a second to elect itself. Each
        # interval costs processor time for as long as it runs.
        "--heartbeat-interval=50",
        "--election-timeout=250",
        # The data is thrown away with the cluster.
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    process = Process("etcd", arguments, log=logs / "etcd.log", folder=folder, environment={})
    socket = folder / CLIENT_URL.removeprefix("unix://")
    process.wait_until(socket.is_socket, what="listening", timeout=60)
    return process
