"""The one process that is the lab: AWS, and every cluster that is created there.

It is started by `python -m lab up`, outlives it, and ends on SIGTERM. Everything that it starts dies with it, also
when it is killed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

import psutil

from lab.cloud import Cloud
from lab.cluster import Runtime
from lab.contract import Programs
from lab.home import Home, State
from lab.pki import CertificateAuthority
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, write_credentials
from lab.progress import EventLog

ACCOUNT = "123456789012"
"""The account of every lab: it belongs to nobody, and the stacks of real environments refuse it."""
OTHER_ACCOUNT = "210987654321"
"""A second account, administered by `other-admin`: what must not cross from one account to another can be tried."""
REGION = "ap-northeast-1"


def serve(home: Home, programs: Programs, ready: int) -> None:
    """Run the lab until SIGTERM or SIGINT; writes a line to the file descriptor `ready` once AWS answers."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    events = EventLog(home.events)
    started = time.monotonic()
    authority = CertificateAuthority(home.folder / "pki")
    cloud = Cloud(home.folder / "cloud", authority, region=REGION, account=ACCOUNT)
    cloud.start()
    runtime = Runtime(
        home.folder / "clusters", authority, programs, cloud.access, cloud.instance_roles, progress=events.part
    )
    cloud.attach(runtime)
    try:
        write_credentials(home, ADMINISTRATOR, cloud.administrator)
        write_credentials(home, OTHER_ADMINISTRATOR, cloud.add_account(OTHER_ACCOUNT))
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
        runtime.stop_all()
        cloud.stop()


def main(ready: str, name: str, root: str, *programs: str) -> None:
    """The command line, for `lab.lifecycle` only: a descriptor, a lab's name, its root, the programs in order."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    os.set_inheritable(int(ready), False)  # noqa: FBT003 - the call takes no keyword
    serve(Home(name, Path(root)), Programs(*programs), int(ready))


if __name__ == "__main__":
    main(*sys.argv[1:])
