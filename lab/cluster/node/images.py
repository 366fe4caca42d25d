"""The container images that a node supports, each as programs of the local machine.

`amazon/aws-cli` runs the AWS CLI that is installed with the lab (PyPI's awscli), with any tag or digest. The other
images have the local `/bin/sh` and a few small tools. No image is downloaded.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.interfaces import Programs

TOOLS = (
    "awk", "base64", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "env", "expr", "false", "find",
    "grep", "head", "hostname", "id", "ln", "ls", "mkdir", "mktemp", "mv", "nohup", "printenv", "printf", "pwd",
    "readlink", "rm", "sed", "seq", "setsid", "sh", "sleep", "sort", "stat", "tail", "tee", "test", "timeout", "touch",
    "tr", "true", "uname", "uniq", "wc", "which", "xargs",
)  # fmt: skip
PAUSE_COMMAND = ("sh", "-c", "trap 'exit 0' INT TERM; sleep 2147483647 & wait")

_REFERENCE = re.compile(
    r"(?:(?P<registry>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?|[A-Za-z0-9-]+:\d+)/)?"
    r"(?P<repository>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9+._-]+:[0-9a-fA-F]{32,}))?"
)


class InvalidImageNameError(Exception):
    """The string is not an image reference."""


class UnknownImageError(Exception):
    """A valid reference to an image that the lab does not support."""


class ProgramNotFoundError(Exception):
    """The image does not have the program."""


@dataclass(frozen=True)
class Image:
    """A supported image: its repositories and the local programs that it has."""

    repositories: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    programs: Mapping[str, Path] = field(default_factory=dict)
    """Programs of this image in addition to `TOOLS`, by name."""

    def argv(self, command: Sequence[str] | None, args: Sequence[str] | None) -> list[str]:
        """Return the command line by Docker's rule: `command` replaces entrypoint and cmd, `args` replaces cmd."""
        if command:
            return [*command, *(args or ())]
        return [*self.entrypoint, *(args or self.cmd)]

    def files(self) -> list[Path]:
        """Return the files of this image's own programs."""
        return list(self.programs.values())

    def install(self, folder: Path) -> None:
        """Link the image's programs into `folder`, which is a container's PATH."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = {name: shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") for name in TOOLS}
        for name, target in ({name: path for name, path in paths.items() if path} | dict(self.programs)).items():
            link = folder / name
            if not link.is_symlink():
                link.symlink_to(target)


def find_program(folder: Path, name: str) -> Path:
    """Return the program `name` of an image installed in `folder`. Of an absolute path only the last part is used.

    Raises:
        ProgramNotFoundError: the image does not have the program; the message is the container runtime's.
    """
    program = folder / Path(name).name
    if (name.count("/") and not name.startswith("/")) or not program.exists():
        problem = "no such file or directory" if "/" in name else "executable file not found in $PATH"
        raise ProgramNotFoundError(f'exec: "{name}": {problem}')
    return program


def available_images(programs: Programs) -> tuple[Image, ...]:
    """Return the supported images, with the programs of the lab's own virtual environment."""
    aws = Path(sys.executable).with_name("aws")
    return (
        Image(
            ("docker.io/amazon/aws-cli", "public.ecr.aws/aws-cli/aws-cli"),
            entrypoint=("aws",),
            programs={"aws": aws},
        ),
        Image(("registry.k8s.io/kubectl",), entrypoint=("kubectl",), programs={"kubectl": Path(programs.kubectl)}),
        Image(("docker.io/library/busybox", "public.ecr.aws/docker/library/busybox"), cmd=("sh",)),
        Image(("docker.io/library/alpine", "public.ecr.aws/docker/library/alpine"), cmd=("sh",)),
        Image(("registry.k8s.io/pause", "public.ecr.aws/eks-distro/kubernetes/pause"), entrypoint=PAUSE_COMMAND),
    )


def parse_repository(reference: str) -> str:
    """Return the repository of an image reference: registry and path, without tag and digest.

    Raises:
        InvalidImageNameError: `reference` is not an image reference.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidImageNameError(
            f'Failed to apply default image tag "{reference}": couldn\'t parse image name "{reference}": '
            "invalid reference format"
        )
    registry, path = match["registry"] or "docker.io", match["repository"]
    if registry in {"docker.io", "index.docker.io"}:
        return f"docker.io/{path}" if "/" in path else f"docker.io/library/{path}"
    return f"{registry}/{path}"


def find_image(reference: str, images: Sequence[Image]) -> Image:
    """Return the image of `reference`. Tag and digest are ignored.

    Raises:
        InvalidImageNameError: `reference` is not an image reference.
        UnknownImageError: the lab does not support the image; the message lists the supported ones.
    """
    name = parse_repository(reference)
    for image in images:
        if name in image.repositories:
            return image
    names = ", ".join(image.repositories[0].removeprefix("docker.io/").removeprefix("library/") for image in images)
    raise UnknownImageError(
        f'failed to resolve image "{reference}": the lab runs containers as local processes and supports '
        f"only these images: {names} (any tag)"
    )
