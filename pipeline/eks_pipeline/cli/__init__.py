"""The command `eks-pipeline`: one command for each operation."""

from __future__ import annotations

import sys

import click

from eks_access.command_line import prepare_streams, printable, report_os_error
from eks_pipeline.cli.destroy import destroy
from eks_pipeline.cli.drift import drift
from eks_pipeline.cli.migrate import migrate
from eks_pipeline.cli.operator import operator
from eks_pipeline.cli.outputs import outputs
from eks_pipeline.cli.preview import preview
from eks_pipeline.cli.refresh import refresh
from eks_pipeline.cli.up import up
from eks_pipeline.errors import ExitCode, PipelineError

EPILOG = "Exit codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in ExitCode) + "."


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="eks-pipeline")
def commands() -> None:
    """Preview, review, update and destroy one Pulumi stack or a fleet of them.

    Ctrl-C cancels: each engine finishes its current step and releases the lock of its stack.
    """


for command in (preview, up, drift, migrate, refresh, destroy, outputs, operator):
    commands.add_command(command)


def main() -> None:
    """Run the command, print errors without a traceback, and exit with its code."""
    prepare_streams()
    try:
        commands.main(standalone_mode=False)
    except PipelineError as error:
        click.echo(f"error: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        report_os_error(error)
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(ExitCode.CANCELLED)
