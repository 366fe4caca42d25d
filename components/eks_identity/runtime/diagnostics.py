"""Warnings and debug messages of a program, with the secrets removed. Warnings have the names of its language.

Components log by these functions only, because `pulumi.log` does not redact secrets.
"""

import pulumi

from eks_identity.redaction import redact
from eks_identity.runtime.program_state import translate


def warn(message: str, resource: pulumi.Resource | None = None) -> None:
    """Log a warning for `resource`, or for the program."""
    pulumi.log.warn(translate(redact(message)), resource)


def debug(message: str, resource: pulumi.Resource | None = None) -> None:
    """Log a message that the engine shows only with `--debug`."""
    pulumi.log.debug(redact(message), resource)
