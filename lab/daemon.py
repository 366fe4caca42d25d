"""The one process that is the lab: AWS, and every cluster that is created there.

It is started by `python -m lab up`, outlives it, and ends on SIGTERM, or with the process that owns it where one does.
Everything that it starts dies with it, also when it is killed.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import psutil

from lab import aws_command
from lab.cloud import Cloud
from lab.cluster import Runtime
from lab.cluster.processes import Process
from lab.interfaces import Programs
from lab.lab_dir import LabDir, State
from lab.pki import CertificateAuthority
from lab.plugins.install import MODULES
from lab.prefork.start import start
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, ROOT, write_credentials
from lab.progress import EventLog

ACCOUNT = "123456789012"
"""The account of every lab: it belongs to nobody, and the stacks of real environments refuse it."""
OTHER_ACCOUNT = "210987654321"
"""A second account, administered by `other-admin`: what must not cross from one account to another can be tried."""
REGION = "ap-northeast-1"


def serve(home: LabDir, programs: Programs, ready: int, stopping: threading.Event) -> None:
    """Run the lab until it is `stopping`; writes a line to the file descriptor `ready` once AWS answers."""
    events = EventLog(home.events)
    started = time.monotonic()
    authority = CertificateAuthority(home.folder / "pki")
    cloud = Cloud(home.folder / "cloud", authority, region=REGION, account=ACCOUNT)
    cloud.start()
    runtime = Runtime(
        home.folder / "clusters", authority, programs, cloud.access, cloud.instance_roles, progress=events.part
    )
    cloud.attach(runtime)
    aws_command.install(home.bin, home.prefork / "aws")
    servers = _start_servers(home)
    try:
        write_credentials(home, ADMINISTRATOR, cloud.administrator)
        write_credentials(home, OTHER_ADMINISTRATOR, cloud.add_account(OTHER_ACCOUNT))
        write_credentials(home, ROOT, cloud.root_user(ACCOUNT))
        home.write_state(
            State(
                pid=os.getpid(),
                created=psutil.Process().create_time(),
                instance=uuid.uuid4().hex[:8],
                account=ACCOUNT,
                region=REGION,
                proxy_url=cloud.access.proxy_url,
                ca_file=cloud.access.ca_file,
            )
        )
        events.part("AWS", time.monotonic() - started)
        with os.fdopen(ready, "w") as stream:
            stream.write("ready\n")
        stopping.wait()
    finally:
        for server in servers:
            server.kill()
        runtime.stop_all()
        cloud.stop()


def _start_servers(home: LabDir) -> list[Process]:
    """The processes that the stand-in plugins and `aws` are forks of: until they listen, those start by themselves."""
    home.prefork.mkdir(mode=0o700, exist_ok=True)
    environment = dict(os.environ) | {"PYTHONWARNINGS": "ignore"}
    modules = {"plugins": MODULES, "aws": aws_command.MODULES}
    return [
        start(home.prefork / name, imported, log=home.logs / f"prefork-{name}.log", environment=environment)
        for name, imported in modules.items()
    ]


def _await_end(owner: int, alone: threading.Event, stopping: threading.Event) -> None:
    """Stops the lab at the end of its owner."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    alone.set()
    stopping.set()


def main() -> None:
    """The command line, for `lab.lifecycle` only."""
    parser = argparse.ArgumentParser(prog="lab.daemon")
    parser.add_argument("--owner", type=int, help="the process that the lab ends with, and is removed")
    parser.add_argument("ready", type=int, help="the descriptor that is written to once AWS answers")
    parser.add_argument("name", help="the lab's")
    parser.add_argument("root", type=Path, help="the folder of all labs")
    parser.add_argument("programs", nargs=len(fields(Programs)), help="paths, in the order of `Programs`")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    os.set_inheritable(given.ready, False)  # noqa: FBT003 - the call takes no keyword
    home = LabDir(given.name, given.root)
    stopping, alone = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if given.owner:
        threading.Thread(target=_await_end, args=[given.owner, alone, stopping], daemon=True).start()
    serve(home, Programs(*given.programs), given.ready, stopping)
    if alone.is_set():
        home.remove_leftovers(daemon=os.getpid())


if __name__ == "__main__":
    main()
