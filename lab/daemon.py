"""The daemon of a lab: it serves AWS and runs every cluster.

`python -m lab up` starts it, and it outlives that command. It ends on SIGTERM, and with its owner process if it has
one. Its child processes end with it, even when it is killed.
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

from lab import aws_command, ci_issuers
from lab.cloud import Cloud
from lab.cluster import Confinement, Runtime
from lab.cluster.processes import Process
from lab.interfaces import Programs
from lab.lab_dir import LabDir, PodConfinement, State
from lab.pki import CertificateAuthority
from lab.plugins.install import MODULES
from lab.prefork.start import start
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, ROOT, write_credentials
from lab.progress import EventLog

ACCOUNT = "123456789012"
"""The account of every lab: a placeholder, not a real account. The stacks of real environments reject it."""
OTHER_ACCOUNT = "210987654321"
"""A second account, administered by `other-admin`, to test access between accounts."""
REGION = "ap-northeast-1"


def serve(home: LabDir, programs: Programs, confinement: Confinement, ready: int, stopping: threading.Event) -> None:
    """Run the lab until `stopping` is set; write a line to the file descriptor `ready` once AWS responds."""
    events = EventLog(home.events)
    started = time.monotonic()
    authority = CertificateAuthority(home.folder / "pki")
    cloud = Cloud(home.folder / "cloud", authority, region=REGION, account=ACCOUNT)
    cloud.start()
    ci_issuers.publish(home)
    runtime = Runtime(
        home.folder / "clusters",
        authority,
        programs,
        cloud.access,
        cloud.instance_roles,
        confinement=confinement,
        progress=events.part,
    )
    cloud.attach(runtime)
    aws_command.install(home.bin, home.prefork / "aws")
    servers = _start_servers(home)
    try:
        write_credentials(home, ADMINISTRATOR, cloud.administrator)
        write_credentials(home, OTHER_ADMINISTRATOR, cloud.add_account(OTHER_ACCOUNT))
        write_credentials(home, ROOT, cloud.root_user(ACCOUNT))
        home.write_pod_confinement(PodConfinement(confinement.is_active, confinement.detail))
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
    """Start the prefork servers of the stand-in plugins and of `aws`. Until they listen, programs run without them."""
    home.prefork.mkdir(mode=0o700, exist_ok=True)
    environment = dict(os.environ) | {"PYTHONWARNINGS": "ignore"}
    modules = {"plugins": MODULES, "aws": aws_command.MODULES}
    return [
        start(home.prefork / name, imported, log=home.logs / f"prefork-{name}.log", environment=environment)
        for name, imported in modules.items()
    ]


def _stop_with_owner(owner: int, owner_ended: threading.Event, stopping: threading.Event) -> None:
    """Stop the lab when its owner process ends."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    owner_ended.set()
    stopping.set()


def main() -> None:
    """Run the daemon's command line, which only `lab.lifecycle` calls."""
    parser = argparse.ArgumentParser(prog="lab.daemon")
    parser.add_argument("--owner", type=int, help="process id; the lab is stopped and removed when it ends")
    parser.add_argument("--unconfined-pods", action="store_true", help="do not confine the processes of pods")
    parser.add_argument("ready", type=int, help="file descriptor to write to once AWS responds")
    parser.add_argument("name", help="name of the lab")
    parser.add_argument("root", type=Path, help="folder of all labs")
    parser.add_argument("programs", nargs=len(fields(Programs)), help="paths, in the order of `Programs`")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    os.set_inheritable(arguments.ready, False)  # noqa: FBT003 - the call takes no keyword
    home = LabDir(arguments.name, arguments.root)
    stopping, owner_ended = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if arguments.owner:
        threading.Thread(target=_stop_with_owner, args=[arguments.owner, owner_ended, stopping], daemon=True).start()
    confinement = Confinement.disable() if arguments.unconfined_pods else Confinement.detect()
    serve(home, Programs(*arguments.programs), confinement, arguments.ready, stopping)
    if owner_ended.is_set():
        home.remove_leftovers(daemon=os.getpid())


if __name__ == "__main__":
    main()
