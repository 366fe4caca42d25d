"""The images that a node can run, each as programs of this machine.

`amazon/aws-cli` is the AWS command line that is installed beside the lab (PyPI's awscli); any tag or digest is
that same one. The shells are this machine's `/bin/sh` and a few small tools. Nothing is ever downloaded.
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
PAUSE = ("sh", "-c", "trap 'exit 0' INT TERM; sleep 2147483647 & wait")

_REFERENCE = re.compile(
    r"(?:(?P<registry>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+(?::\d+)?|localhost(?::\d+)?|[A-Za-z0-9-]+:\d+)/)?"
    r"(?P<repository>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9+._-]+:[0-9a-fA-F]{32,}))?"
)


class InvalidImageNameError(Exception):
    """The string is no image reference at all."""


class UnknownImageError(Exception):
    """A good reference to an image that the lab cannot run."""


class ProgramNotFoundError(Exception):
    """The image has no such program."""


@dataclass(frozen=True)
class Image:
    """Programs of this machine under an image's name."""

    repositories: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    programs: Mapping[str, Path] = field(default_factory=dict)
    """Those that this image has besides `TOOLS`: name to file."""

    def argv(self, command: Sequence[str] | None, args: Sequence[str] | None) -> list[str]:
        """What to run, by Docker's rule: `command` replaces entrypoint and cmd, `args` replaces cmd."""
        if command:
            return [*command, *(args or ())]
        return [*self.entrypoint, *(args or self.cmd)]

    def install(self, folder: Path) -> None:
        """Make `folder` the directory of the image's programs, for a container's PATH."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {name: shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin") for name in TOOLS}
        for name, target in ({name: path for name, path in found.items() if path} | dict(self.programs)).items():
            link = folder / name
            if not link.is_symlink():
                link.symlink_to(target)


def find_program(folder: Path, name: str) -> Path:
    """The program called `name` of an image installed in `folder`; of an absolute path only the last part counts.

    Raises:
        ProgramNotFoundError: the image has none, in the container runtime's words.
    """
    program = folder / Path(name).name
    if (name.count("/") and not name.startswith("/")) or not program.exists():
        where = "no such file or directory" if "/" in name else "executable file not found in $PATH"
        raise ProgramNotFoundError(f'exec: "{name}": {where}')
    return program


def known_images(programs: Programs) -> tuple[Image, ...]:
    """The images of this lab, with the programs that its own virtual environment has."""
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
        Image(("registry.k8s.io/pause", "public.ecr.aws/eks-distro/kubernetes/pause"), entrypoint=PAUSE),
    )


def repository(reference: str) -> str:
    """The full repository name of an image reference: registry and path, without tag or digest.

    Raises:
        InvalidImageNameError: it is none.
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
    """The image that `reference` names, whatever its tag or digest.

    Raises:
        InvalidImageNameError: `reference` is no image reference.
        UnknownImageError: the lab has no such image; the message names those that it has.
    """
    name = repository(reference)
    for image in images:
        if name in image.repositories:
            return image
    known = ", ".join(image.repositories[0].removeprefix("docker.io/").removeprefix("library/") for image in images)
    raise UnknownImageError(
        f'failed to resolve image "{reference}": the lab runs containers as processes of this machine and knows '
        f"these images only: {known} (any tag)"
    )
