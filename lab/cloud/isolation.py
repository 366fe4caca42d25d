"""Keeps real AWS credentials and settings out of the lab's process.

botocore, which moto is built on, reads `~/.aws` and `AWS_*` where it pleases. While the lab's AWS runs, there is
nothing for it to find; afterwards the environment is as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def isolated_environment() -> Iterator[None]:
    """Within it, this process's environment names no account, profile, endpoint or setting of AWS or moto."""
    before = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "MOTO_"))}
    for name in before:
        del os.environ[name]
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name in _SETTINGS:
            os.environ.pop(name, None)
        os.environ.update(before)
