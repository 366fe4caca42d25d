"""The settings files of the repository, as plain values."""

from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]


def file(stack):
    """The whole file."""
    return yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())


def stored(stack):
    """What stands below the project's name."""
    return {
        key.removeprefix("eks-identity:"): value
        for key, value in file(stack)["config"].items()
        if key.startswith("eks-identity:")
    }


def put(settings, path, value):
    """Sets what stands at a dotted path; None takes it out."""
    *folders, last = path.split(".")
    for folder in folders:
        settings = settings.setdefault(folder, {})
    if value is None:
        settings.pop(last, None)
    else:
        settings[last] = value
