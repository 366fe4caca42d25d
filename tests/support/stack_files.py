"""The settings files of the repository as plain values."""

from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]


def load_file(stack):
    """Return the whole settings file of `stack`."""
    return yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())


def load_settings(stack):
    """Return the settings under the project's name in the file of `stack`."""
    return {
        key.removeprefix("eks-identity:"): value
        for key, value in load_file(stack)["config"].items()
        if key.startswith("eks-identity:")
    }


def set_value(settings, path, value):
    """Set the value at a dotted path; None removes the key."""
    *parents, last = path.split(".")
    for parent in parents:
        settings = settings.setdefault(parent, {})
    if value is None:
        settings.pop(last, None)
    else:
        settings[last] = value
