"""The command `eks-access`."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Trace the identity chains of an EKS cluster."""
