"""Warnings and debug messages of a program, without any secret that the code behind them has looked at.

Components print by these functions only: `pulumi.log` knows nothing about secrets.
"""

import pulumi

from eks_identity.redaction import redacted


def warn(message: str, about: pulumi.Resource | None = None) -> None:
    """Prints a warning of `about`, or of the whole program."""
    pulumi.log.warn(redacted(message), about)


def debug(message: str, about: pulumi.Resource | None = None) -> None:
    """Prints a message that the engine shows with `--debug` only."""
    pulumi.log.debug(redacted(message), about)
