"""One container over all its runs: image, configuration, process, restart with back-off."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

from lightkube.models.core_v1 import Container

from .container import Command, ContainerProcess
from .context import PodContext
from .environment import expand
from .images import Image, InvalidImageNameError, ProgramNotFoundError, UnknownImageError, find_image, find_program
from .in_cluster import MOUNT_PATH, write_kubeconfig
from .logs import ContainerLog
from .status import ContainerRecord, running, terminated, waiting
from .timing import Backoff
from .volume_sources import SourceError

log = logging.getLogger(__name__)

START_ERROR_EXIT_CODE = 128


class LogNotAvailableError(Exception):
    """There is no log to show yet, in the kubelet's words."""


class ContainerRunner:
    """Runs one container until it is done or stopped. All of it happens on the node's event loop."""

    def __init__(self, context: PodContext, record: ContainerRecord, *, field_path: str) -> None:
        self.record = record
        self.has_started = asyncio.Event()
        self._context = context
        self._field_path = field_path
        self._stopping = asyncio.Event()
        self._process: ContainerProcess | None = None
        self._logs: list[ContainerLog] = []

    @property
    def _container(self) -> Container:
        return self.record.container

    async def run(self) -> None:
        """The container's whole life; returns when it will not be started again."""
        timing = self._context.node.timing
        backoff = Backoff(timing.crash_backoff, timing.crash_backoff_cap, immediate=True)
        while not self._stopping.is_set():
            image = await self._pull()
            command = await self._configure(image) if image else None
            if command is None:
                return
            began = asyncio.get_running_loop().time()
            code = await self._run_once(command)
            if self._stopping.is_set() or not self.record.should_restart(code):
                return
            if asyncio.get_running_loop().time() - began >= timing.crash_backoff_reset:
                backoff.reset()
            delay = backoff.next()
            if delay:
                self._report_crash_loop(delay)
                await self._pause(delay)
            if not self._stopping.is_set():
                self._next_run()

    def stop(self) -> None:
        """Ask the container to end, and start it no more."""
        self._stopping.set()
        if self._process is not None:
            self._context.node.events.normal(
                self._context.pod, "Killing", f"Stopping container {self._container.name}", container=self._field_path
            )
            self._process.terminate()

    def kill(self) -> None:
        """End the container now, with all that it started."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    def log(self, *, previous: bool) -> ContainerLog:
        """The log of the newest run, or of the one before.

        Raises:
            LogNotAvailableError: there was no such run.
        """
        record, pod = self.record, self._context.pod.metadata
        assert pod is not None
        what = f'container "{self._container.name}" in pod "{pod.name}"'
        if previous:
            if record.last is None:
                raise LogNotAvailableError(f"previous terminated {what} not found")
            return self._logs[-1] if record.state.waiting else self._logs[-2]
        if self._logs:
            return self._logs[-1]
        reason = (record.state.waiting.reason if record.state.waiting else None) or ""
        because = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
        raise LogNotAvailableError(f"{what} is waiting to start: {because.get(reason, reason)}")

    async def _pull(self) -> Image | None:
        timing = self._context.node.timing
        backoff = Backoff(timing.image_backoff, timing.image_backoff_cap)
        while not self._stopping.is_set():
            name = self._container.image or ""
            try:
                image = find_image(name, self._context.node.images)
            except InvalidImageNameError as error:
                self._warn("InspectFailed", str(error))
                self._wait_for("InvalidImageName", str(error))
                await self._pause(backoff.next())
            except UnknownImageError as error:
                self._note("Pulling", f'Pulling image "{name}"')
                self._warn("Failed", f'Failed to pull image "{name}": {error}')
                self._warn("Failed", "Error: ErrImagePull")
                self._wait_for("ErrImagePull", str(error))
                await self._pause(timing.retry)
                self._note("BackOff", f'Back-off pulling image "{name}"')
                self._warn("Failed", "Error: ImagePullBackOff")
                self._wait_for("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {error}')
                await self._pause(backoff.next())
            else:
                self._note("Pulled", f'Container image "{name}" already present on machine')
                return image
        return None

    async def _configure(self, image: Image) -> Command | None:
        """The command to run; waits in CreateContainerConfigError as long as something that it needs is missing."""
        while not self._stopping.is_set():
            try:
                return await self._command(image)
            except SourceError as error:
                self._warn("Failed", f"Error: {error}")
                self._wait_for("CreateContainerConfigError", str(error))
                await self._pause(self._context.node.timing.retry)
        return None

    async def _command(self, image: Image) -> Command:
        node, container = self._context.node, self._container
        programs = node.folder / "images" / image.repositories[0].replace("/", "_")
        image.install(programs)
        home = self._run_folder / "home"
        temporary = self._run_folder / "tmp"
        for folder in (home, temporary):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = {"PATH": str(programs), "HOME": str(home), "TMPDIR": str(temporary)}
        base = {**node.base_environment(self._context.pod), **own}
        declared = await self._context.environment.declared(container, base)
        mounts, endpoints = self._context.volumes.table(container), node.endpoints_of(self._context.pod)
        account = mounts.rewrite(MOUNT_PATH)
        if "kubectl" in image.programs and account != MOUNT_PATH:
            meta = self._context.pod.metadata
            assert meta is not None
            assert meta.namespace is not None
            write_kubeconfig(home, str(node.kube.server), Path(account), meta.namespace)

        def real(text: str) -> str:
            return endpoints.rewrite(mounts.rewrite(text))

        names = {**base, **declared}
        argv = [real(expand(word, names)) for word in image.argv(container.command, container.args)]
        environment = {**base, **{name: real(value) for name, value in declared.items()}}
        return Command(argv, environment, home)

    async def _run_once(self, command: Command) -> int:
        """One run, from its record's first line to its last; the exit code."""
        record = self.record
        if record.state.terminated:
            record.last = record.state
        record.container_id = f"process://{secrets.token_hex(32)}"
        started = datetime.now(UTC).replace(microsecond=0)
        output = ContainerLog(self._run_folder / "log")
        self._logs = [*self._logs[-1:], output]
        message = None
        try:
            program = find_program(Path(command.env["PATH"]), command.argv[0])
        except ProgramNotFoundError as error:
            output.close()
            code, reason, message = START_ERROR_EXIT_CODE, "StartError", str(error)
            self._warn("Failed", f"Error: {error}")
        else:
            reason = ""
            run = Command([str(program), *command.argv[1:]], command.env, command.cwd)
            self._process = await ContainerProcess.start(run, output)
            if self._stopping.is_set():
                self._process.terminate()
            self._note("Created", "Container created")
            record.state = running(started)
            self.has_started.set()
            self._note("Started", "Container started")
            self._context.changed()
            code = await self._process.wait()
            self._process = None
        finished = datetime.now(UTC).replace(microsecond=0)
        record.state = terminated(code, started, finished, record.container_id, reason=reason, message=message)
        self._context.changed()
        return code

    def _next_run(self) -> None:
        """Count a restart, and forget the run before the last: its log can no longer be asked for."""
        shutil.rmtree(self._folder / str(self.record.restart_count - 1), ignore_errors=True)
        self.record.restart_count += 1

    @property
    def _run_folder(self) -> Path:
        """Of the run that is next, or on."""
        return self._folder / str(self.record.restart_count)

    @property
    def _folder(self) -> Path:
        return self._context.folder / "containers" / self._container.name

    def _report_crash_loop(self, delay: float) -> None:
        name, pod = self._container.name, self._context.title
        self._warn("BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        message = f"back-off {go_duration(delay)} restarting failed container={name} pod={pod}"
        self._wait_for("CrashLoopBackOff", message)

    def _wait_for(self, reason: str, message: str) -> None:
        if self.record.state.terminated:
            self.record.last = self.record.state
        self.record.state = waiting(reason, message)
        self._context.changed()

    def _note(self, reason: str, message: str) -> None:
        self._context.node.events.normal(self._context.pod, reason, message, container=self._field_path)

    def _warn(self, reason: str, message: str) -> None:
        self._context.node.events.warning(self._context.pod, reason, message, container=self._field_path)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless the container is stopped in the meantime."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def go_duration(seconds: float) -> str:
    """As Go writes a duration: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
