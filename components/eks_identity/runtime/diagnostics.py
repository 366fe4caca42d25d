"""Warnings and debug messages of a program, with the secrets removed.

Components log by these functions only, because `pulumi.log` does not redact secrets.
"""

import pulumi

from eks_identity.redaction import redacted


def warn(message: str, resource: pulumi.Resource | None = None) -> None:
    """Log a warning for `resource`, or for the program."""
    pulumi.log.warn(redacted(message), resource)


def debug(message: str, resource: pulumi.Resource | None = None) -> None:
    """Log a message that the engine shows only with `--debug`."""
    pulumi.log.debug(redacted(message), resource)
