"""Starting and stopping a lab: what `up`, `down` and `reset` do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

import psutil

from lab.environment import process_environment
from lab.errors import StartError, UsageError
from lab.interfaces import AuthenticationMode, clean_environment
from lab.lab_dir import LabDir, State
from lab.plugins.install import PLUGINS, REPOSITORY, install, sdk_version, uninstall
from lab.progress import Timeline
from lab.tools import Toolbox, Tools

STACK = "lab"
_DAEMON = (sys.executable, "-m", "lab.daemon")
_started: list[subprocess.Popen[bytes]] = []
"""Daemons that this process started: they outlive it, so nobody waits for them, and their handles are kept."""


class Plugins(StrEnum):
    """Which Pulumi plugins serve aws, eks and kubernetes."""

    STAND_IN = "stand-in"
    OFFICIAL = "official"


def up(
    home: LabDir,
    clusters: Mapping[str, AuthenticationMode],
    plugins: Plugins,
    timeline: Timeline,
    *,
    owner: int | None = None,
) -> State:
    """Bring the lab up with these clusters; what is there already stays as it is.

    A lab that is started here for the process `owner` is stopped and removed when that process ends, however it ends.
    """
    if owner is not None and not psutil.pid_exists(owner):
        raise UsageError(f"no process {owner} that could own the lab", fix="name a process that runs, such as $$")
    _clean_killed(home)
    with home.lock():
        with timeline.part("programs"):
            tools = Toolbox(home.tools, timeline).ensure()
        state = home.running() or _start(home, tools, timeline, owner)
        with ThreadPoolExecutor(max_workers=1) as beside:
            prepared = beside.submit(_prepare_pulumi, home, tools, plugins)
            _make_clusters(home, tools, clusters, timeline)
            prepared.result()
    return state


def down(home: LabDir) -> bool:
    """Stop the lab and remove its data, its logs excepted; says whether it was running."""
    with home.lock():
        state = home.running()
        if state:
            _stop(psutil.Process(state.pid))
        home.clear(keep_logs=True)
    return state is not None


def reset(home: LabDir) -> None:
    """Stop the lab and remove everything of it; programs, which labs share, stay."""
    down(home)
    with home.lock():
        home.clear()
        home.forget_lock()


def _clean_killed(home: LabDir) -> None:
    """Remove what other labs left whose daemon was killed; their own names may never be used again."""
    home.prepare()
    for other in home.siblings():
        if other.killed:
            other.remove_leftovers()


def _start(home: LabDir, tools: Tools, timeline: Timeline, owner: int | None) -> State:
    home.clear()
    home.prepare()
    home.logs.mkdir(mode=0o700)
    log = home.logs / "daemon.log"
    ready, ready_in_child = os.pipe()
    owned = [] if owner is None else ["--owner", str(owner)]
    with timeline.part("daemon"), log.open("wb") as output, os.fdopen(ready) as ready_stream:
        process = subprocess.Popen(
            [*_DAEMON, *owned, str(ready_in_child), home.name, str(home.root), *_paths(tools)],
            cwd=REPOSITORY,
            env=clean_environment(os.environ) | {"HOME": str(home.folder), "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[ready_in_child],
        )
        _started.append(process)
        os.close(ready_in_child)
        answer = ready_stream.read()
    state = home.running()
    if not answer or state is None:
        if process.poll() is None:
            _stop(psutil.Process(process.pid))
        last = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise StartError(f"the lab's daemon ended while starting; its last words:\n{last}", fix=f"see {log}")
    return state


def _make_clusters(home: LabDir, tools: Tools, clusters: Mapping[str, AuthenticationMode], timeline: Timeline) -> None:
    from lab.clusters import ensure_clusters  # noqa: PLC0415 - brings boto3, which a lab that is up does not need
    from lab.kubeconfig import update_kubeconfig  # noqa: PLC0415 - the same

    ensure_clusters(home, clusters, timeline)
    with timeline.part("kubeconfig"):
        for name in clusters:
            update_kubeconfig(home, tools.bin, name)


def _prepare_pulumi(home: LabDir, tools: Tools, plugins: Plugins) -> None:
    """Plugins where the engine finds them, and the stack where `pulumi up -s lab` finds it."""
    environment = process_environment(home, tools.bin)
    home.pulumi.joinpath("state").mkdir(mode=0o700, parents=True, exist_ok=True)
    pulumi_home = Path(environment["PULUMI_HOME"])
    if plugins is Plugins.STAND_IN:
        install(pulumi_home, sys.executable, home.prefork / "plugins")
    else:
        _install_official(tools, pulumi_home)
    listed = subprocess.run(
        [tools.pulumi, "stack", "init", STACK, "--no-select", "--non-interactive"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0 and "already exists" not in listed.stderr:
        raise StartError(
            f"the stack {STACK!r} cannot be made: {listed.stderr.strip()}", fix=f"python -m lab{home.option} reset"
        )


def _install_official(tools: Tools, pulumi_home: Path) -> None:
    """The vendor's plugins, from the network that this shell has: the lab's own proxy would refuse it."""
    uninstall(pulumi_home)
    for name in PLUGINS:
        wanted = sdk_version(name)
        command = [tools.pulumi, "plugin", "install", "resource", name, wanted]
        environment = {**os.environ, "PULUMI_HOME": str(pulumi_home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StartError(
                f"the official plugin {name} {wanted} cannot be installed: {done.stderr.strip()}",
                fix="allow this machine to reach the vendor's plugin downloads, or use `--plugins stand-in`",
            )


def _stop(daemon: psutil.Process) -> None:
    """End the daemon, gently first; its children end with it."""
    family = [daemon, *daemon.children(recursive=True)]
    daemon.terminate()
    _, alive = psutil.wait_procs(family, timeout=20)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=10)
    for started in _started:
        started.poll()


def _paths(tools: Tools) -> list[str]:
    programs = tools.programs
    return [
        programs.etcd,
        programs.kube_apiserver,
        programs.kube_controller_manager,
        programs.aws_iam_authenticator,
        programs.kubectl,
    ]
