"""Start and stop a lab: the commands `up`, `down` and `reset`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from lab.environment import process_environment
from lab.errors import StartError, UsageError
from lab.interfaces import AuthenticationMode, clean_environment
from lab.lab_dir import LabDir, State
from lab.plugin_sources import STAND_INS, PluginSource, obtain_official
from lab.plugins.install import REPOSITORY, install
from lab.progress import Timeline
from lab.tools import Toolbox, Tools

STACK = "lab"
_DAEMON = (sys.executable, "-m", "lab.daemon")
_started: list[subprocess.Popen[bytes]] = []
"""Daemons that this process started. They outlive it and it does not wait for them, so it keeps their handles."""


def up(
    home: LabDir,
    clusters: Mapping[str, AuthenticationMode],
    timeline: Timeline,
    *,
    plugins: Mapping[str, PluginSource] = STAND_INS,
    confine_pods: bool = True,
    owner: int | None = None,
) -> State:
    """Start the lab and create these clusters. Running parts stay as they are, except the provider plugins.

    If this call starts the lab, the lab is stopped and removed when the process `owner` ends, even by a kill, and its
    pods are confined if the machine allows it, unless `confine_pods` is false.
    """
    if owner is not None and not psutil.pid_exists(owner):
        raise UsageError(f"there is no process {owner} to own the lab", fix="pass the id of a running process, like $$")
    _remove_stale_labs(home)
    with home.lock():
        with timeline.part("programs"):
            tools = Toolbox(home.tools, timeline).ensure()
            official = obtain_official(home, plugins, timeline)
        state = home.running() or _start(home, tools, timeline, owner, confine_pods=confine_pods)
        with ThreadPoolExecutor(max_workers=1) as background:
            prepared = background.submit(_prepare_pulumi, home, tools, official)
            _create_clusters(home, tools, clusters, timeline)
            prepared.result()
    return state


def down(home: LabDir) -> bool:
    """Stop the lab and remove its data except its logs. Return whether it was running."""
    with home.lock():
        state = home.running()
        if state:
            _stop(psutil.Process(state.pid))
        home.clear(keep_logs=True)
    return state is not None


def reset(home: LabDir) -> None:
    """Stop the lab and remove its folder. Programs stay, because labs share them."""
    down(home)
    with home.lock():
        home.clear()
        home.remove_lock_file()


def _remove_stale_labs(home: LabDir) -> None:
    """Remove the files of other labs whose daemon was killed: no command may ever use their names again."""
    home.prepare()
    for other in home.other_labs():
        if other.is_stale:
            other.remove_leftovers()


def _start(home: LabDir, tools: Tools, timeline: Timeline, owner: int | None, *, confine_pods: bool) -> State:
    home.clear()
    home.prepare()
    home.logs.mkdir(mode=0o700)
    log = home.logs / "daemon.log"
    ready, ready_in_child = os.pipe()
    options = [] if owner is None else ["--owner", str(owner)]
    options += [] if confine_pods else ["--unconfined-pods"]
    with timeline.part("daemon"), log.open("wb") as output, os.fdopen(ready) as ready_stream:
        process = subprocess.Popen(
            [*_DAEMON, *options, str(ready_in_child), home.name, str(home.root), *_paths(tools)],
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
        ready_line = ready_stream.read()
    state = home.running()
    if not ready_line or state is None:
        if process.poll() is None:
            _stop(psutil.Process(process.pid))
        last = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise StartError(f"the lab's daemon ended while starting; its last output:\n{last}", fix=f"read {log}")
    return state


def _create_clusters(
    home: LabDir, tools: Tools, clusters: Mapping[str, AuthenticationMode], timeline: Timeline
) -> None:
    from lab.clusters import ensure_clusters  # noqa: PLC0415 - brings boto3, which a lab that is up does not need
    from lab.kubeconfig import update_kubeconfig  # noqa: PLC0415 - the same

    ensure_clusters(home, clusters, timeline)
    with timeline.part("kubeconfig"):
        for name in clusters:
            update_kubeconfig(home, tools.bin, name)


def _prepare_pulumi(home: LabDir, tools: Tools, official: Mapping[str, Path]) -> None:
    """Install the plugins for the engine, and create the stack that `pulumi up -s lab` uses."""
    environment = process_environment(home, tools.bin)
    home.pulumi.joinpath("state").mkdir(mode=0o700, parents=True, exist_ok=True)
    install(Path(environment["PULUMI_HOME"]), sys.executable, home.prefork / "plugins", official=official)
    created = subprocess.run(
        [tools.pulumi, "stack", "init", STACK, "--no-select", "--non-interactive"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if created.returncode != 0 and "already exists" not in created.stderr:
        raise StartError(
            f"the stack {STACK!r} cannot be created: {created.stderr.strip()}",
            fix=f"run `python -m lab{home.option} reset`",
        )


def _stop(daemon: psutil.Process) -> None:
    """Terminate the daemon and its children; kill them after 20 seconds."""
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
