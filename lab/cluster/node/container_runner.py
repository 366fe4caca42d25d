"""One container over all its runs: image, configuration, process, and restarts with back-off."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lightkube.models.core_v1 import Container

from .container_process import Command, ContainerProcess, FileAccess
from .context import PodContext, has_host_network
from .environment import MOUNT_PATH, expand, write_kubeconfig
from .images import Image, InvalidImageNameError, ProgramNotFoundError, UnknownImageError, find_image, find_program
from .logs import ContainerLog
from .status import ContainerRecord, running_state, terminated_state, waiting_state
from .timing import Backoff
from .volume_sources import SourceError

log = logging.getLogger(__name__)

START_ERROR_EXIT_CODE = 128


class LogNotAvailableError(Exception):
    """The container has no log yet. The message is the kubelet's."""


class ContainerRunner:
    """Runs one container until it has ended or is stopped, on the node's event loop."""

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
        """Run and restart the container. Return when it will not be started again."""
        timing = self._context.node.timing
        backoff = Backoff(timing.crash_backoff, timing.crash_backoff_cap, immediate=True)
        while not self._stopping.is_set():
            image = await self._pull()
            command = await self._configure(image) if image else None
            if command is None:
                return
            started_at = asyncio.get_running_loop().time()
            code = await self._run_once(command)
            if self._stopping.is_set() or not self.record.should_restart(code):
                return
            if asyncio.get_running_loop().time() - started_at >= timing.crash_backoff_reset:
                backoff.reset()
            delay = backoff.next()
            if delay:
                self._report_crash_loop(delay)
                await self._sleep(delay)
            if not self._stopping.is_set():
                self._prepare_next_run()

    def stop(self) -> None:
        """Terminate the container (SIGTERM), and do not restart it."""
        self._stopping.set()
        if self._process is not None:
            self._context.node.events.record_normal(
                self._context.pod, "Killing", f"Stopping container {self._container.name}", container=self._field_path
            )
            self._process.terminate()

    def kill(self) -> None:
        """Kill the container and all its descendants, and do not restart it."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    def log(self, *, previous: bool) -> ContainerLog:
        """Return the log of the newest run, or with `previous` that of the run before.

        Raises:
            LogNotAvailableError: the container has not had that run.
        """
        record, pod = self.record, self._context.pod.metadata
        assert pod is not None
        title = f'container "{self._container.name}" in pod "{pod.name}"'
        if previous:
            if record.last is None:
                raise LogNotAvailableError(f"previous terminated {title} not found")
            return self._logs[-1] if record.state.waiting else self._logs[-2]
        if self._logs:
            return self._logs[-1]
        reason = (record.state.waiting.reason if record.state.waiting else None) or ""
        kubelet_reasons = {
            "ErrImagePull": "image can't be pulled",
            "ImagePullBackOff": "trying and failing to pull image",
        }
        raise LogNotAvailableError(f"{title} is waiting to start: {kubelet_reasons.get(reason, reason)}")

    async def _pull(self) -> Image | None:
        timing = self._context.node.timing
        backoff = Backoff(timing.image_backoff, timing.image_backoff_cap)
        while not self._stopping.is_set():
            name = self._container.image or ""
            try:
                image = find_image(name, self._context.node.images)
            except InvalidImageNameError as error:
                self._record_warning("InspectFailed", str(error))
                self._set_waiting("InvalidImageName", str(error))
                await self._sleep(backoff.next())
            except UnknownImageError as error:
                self._record_normal("Pulling", f'Pulling image "{name}"')
                self._record_warning("Failed", f'Failed to pull image "{name}": {error}')
                self._record_warning("Failed", "Error: ErrImagePull")
                self._set_waiting("ErrImagePull", str(error))
                await self._sleep(timing.retry)
                self._record_normal("BackOff", f'Back-off pulling image "{name}"')
                self._record_warning("Failed", "Error: ImagePullBackOff")
                self._set_waiting("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {error}')
                await self._sleep(backoff.next())
            else:
                self._record_normal("Pulled", f'Container image "{name}" already present on machine')
                return image
        return None

    async def _configure(self, image: Image) -> Command | None:
        """Return the command, or None if stopped.

        Wait in CreateContainerConfigError while a Secret or ConfigMap is missing.
        """
        while not self._stopping.is_set():
            try:
                return await self._build_command(image)
            except SourceError as error:
                self._record_warning("Failed", f"Error: {error}")
                self._set_waiting("CreateContainerConfigError", str(error))
                await self._sleep(self._context.node.timing.retry)
        return None

    async def _build_command(self, image: Image) -> Command:
        node, container = self._context.node, self._container
        programs = node.folder / "images" / image.repositories[0].replace("/", "_")
        image.install(programs)
        home = self._run_folder / "home"
        temporary = self._run_folder / "tmp"
        for folder in (home, temporary):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        container_variables = {"PATH": str(programs), "HOME": str(home), "TMPDIR": str(temporary)}
        base = {**node.base_environment(self._context.pod), **container_variables}
        pod_variables = await self._context.environment.resolve(container, base)
        mounts, endpoints = self._context.volumes.mount_table(container), node.endpoints_of(self._context.pod)
        token_folder = mounts.rewrite(MOUNT_PATH)
        if "kubectl" in image.programs and token_folder != MOUNT_PATH:
            meta = self._context.pod.metadata
            assert meta is not None
            assert meta.namespace is not None
            write_kubeconfig(home, str(node.kube.server), Path(token_folder), meta.namespace)

        def rewrite(text: str) -> str:
            return endpoints.rewrite(mounts.rewrite(text))

        variables = {**base, **pod_variables}
        argv = [rewrite(expand(word, variables)) for word in image.argv(container.command, container.args)]
        environment = {**base, **{name: rewrite(value) for name, value in pod_variables.items()}}
        volumes = self._context.volumes.accessible_files(container)
        files = FileAccess(
            readable=[Path(node.cloud.ca_file), programs, *image.files(), *volumes.readable],
            writable=[home, temporary, *volumes.writable],
        )
        return Command(argv, environment, home, files)

    async def _run_once(self, command: Command) -> int:
        """Run the container once, update its record, and return the exit code."""
        record, node = self.record, self._context.node
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
            self._record_warning("Failed", f"Error: {error}")
        else:
            reason = ""
            run = replace(command, argv=[str(program), *command.argv[1:]])
            with node.confinement.ruleset(run.files) as ruleset:
                self._process = await ContainerProcess.start(run, output, ruleset)
            if self._stopping.is_set():
                self._process.terminate()
            self._record_normal("Created", "Container created")
            record.state = running_state(started)
            self.has_started.set()
            self._record_normal("Started", "Container started")
            self._context.notify_change()
            with node.processes.add(self._process.pid, host_network=has_host_network(self._context.pod)):
                code = await self._process.wait()
            self._process = None
        finished = datetime.now(UTC).replace(microsecond=0)
        record.state = terminated_state(code, started, finished, record.container_id, reason=reason, message=message)
        self._context.notify_change()
        return code

    def _prepare_next_run(self) -> None:
        """Count a restart, and remove the folder of the run before the last, whose log cannot be requested any more."""
        shutil.rmtree(self._folder / str(self.record.restart_count - 1), ignore_errors=True)
        self.record.restart_count += 1

    @property
    def _run_folder(self) -> Path:
        """Folder of the current or the next run."""
        return self._folder / str(self.record.restart_count)

    @property
    def _folder(self) -> Path:
        return self._context.folder / "containers" / self._container.name

    def _report_crash_loop(self, delay: float) -> None:
        name, pod = self._container.name, self._context.title
        self._record_warning("BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        message = f"back-off {format_go_duration(delay)} restarting failed container={name} pod={pod}"
        self._set_waiting("CrashLoopBackOff", message)

    def _set_waiting(self, reason: str, message: str) -> None:
        if self.record.state.terminated:
            self.record.last = self.record.state
        self.record.state = waiting_state(reason, message)
        self._context.notify_change()

    def _record_normal(self, reason: str, message: str) -> None:
        self._context.node.events.record_normal(self._context.pod, reason, message, container=self._field_path)

    def _record_warning(self, reason: str, message: str) -> None:
        self._context.node.events.record_warning(self._context.pod, reason, message, container=self._field_path)

    async def _sleep(self, seconds: float) -> None:
        """Sleep until `seconds` have passed or the container is stopped."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def format_go_duration(seconds: float) -> str:
    """Return a duration in Go's format: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
