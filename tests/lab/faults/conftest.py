"""Fixtures of the fault tests: samples by default, all with `--soak`, and figures that are printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest

from lab.faults import FaultFile
from lab.lab_dir import LabDir

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])


@pytest.fixture
def random() -> Random:
    """A generator that is new for each test: `EKS_IDENTITY_CONFORMANCE_SEED` repeats a run."""
    return Random(SEED)  # noqa: S311 - moments and documents, no secrets


@pytest.fixture
def fault_file(running_lab: LabDir) -> Iterator[FaultFile]:
    """The faults of the lab's AWS; there are none before and after the test."""
    file = FaultFile(running_lab.folder / "cloud")
    file.clear()
    yield file
    file.clear()


@pytest.fixture
def inject(fault_file: FaultFile) -> Callable[..., None]:
    """Replace all faults of the lab's AWS."""
    return lambda *faults: fault_file.write(faults)
