"""The command `eks-access`: one command for each question. Also run by `kubectl eks-access`."""

from __future__ import annotations

import gc
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from eks_access.cli.adopt import adopt
from eks_access.cli.check import check
from eks_access.cli.diff import diff
from eks_access.cli.escalations import escalations
from eks_access.cli.explain import explain_
from eks_access.cli.graph import graph_
from eks_access.cli.listing import list_
from eks_access.cli.snapshot import snapshot
from eks_access.cli.trace import trace
from eks_access.cli.what_can import what_can
from eks_access.cli.who_can import who_can
from eks_access.cli.whoami import whoami
from eks_access.command_line import prepare_streams, printable, report_os_error
from eks_access.errors import EksAccessError, ExitCode, InternalError

EPILOG = (
    "Exit codes: 0 fine; 1 a broken link, or a finding (diff: one of --fail-on; check: of a mandatory rule); "
    "2 usage; 3 the source, or a part of it that decides, could not be read; 4 an internal error."
)
INTERRUPTED = 130
"""Exit code of a shell command that SIGINT ended."""
_PLUGIN = "kubectl-eks_access"
"""The program that kubectl runs for `kubectl eks-access`."""


class Commands(click.Group):
    """The commands, of which an unexpected exception is an internal error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises `InternalError`, with `--debug` with the traceback."""
        try:
            return super().invoke(ctx)
        except (EksAccessError, OSError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            message = f"internal error: {type(error).__name__}{': ' if reason else ''}{reason}"
            if ctx.params["debug"]:
                fix = "report this error with its traceback; it has values of the source"
                raise InternalError(f"{message}\n{''.join(traceback.format_exception(error))}", fix) from error
            fix = "report this error with the traceback that `eks-access --debug COMMAND` prints"
            raise InternalError(message, fix) from error


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="eks-access")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig, for each command that has this option.")
@click.option("--kubeconfig", metavar="FILE", help="Kubeconfig file, for each command that has this option.")
@click.option("--debug", is_flag=True, help="Print the traceback of an internal error.")
@click.pass_context
def commands(ctx: click.Context, /, *, debug: bool, **options: str | None) -> None:  # noqa: ARG001 - `Commands` has it
    """Trace the identity chains of an Amazon EKS cluster and find the broken link. Reads only."""
    ctx.default_map = _defaults(commands, {name: value for name, value in options.items() if value is not None})


def _defaults(group: click.Group, options: dict[str, str]) -> dict[str, Any]:
    """Return the options as defaults of each command of a group, as users of kubectl write them before the command."""
    return {
        name: _defaults(command, options) if isinstance(command, click.Group) else options
        for name, command in group.commands.items()
    }


trace.add_command(whoami)
for command in (trace, explain_, list_, who_can, what_can, escalations, check, diff, graph_, adopt, snapshot):
    commands.add_command(command)


def main() -> None:
    """Run the command, print errors without a traceback, and exit with its code."""
    gc.disable()  # a graph has no cycles, and the process ends: collections would only visit all of its objects
    prepare_streams()
    try:
        is_plugin = Path(sys.argv[0]).name == _PLUGIN
        commands.main(prog_name="kubectl eks-access" if is_plugin else None, standalone_mode=False)
    except EksAccessError as error:
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
        sys.exit(INTERRUPTED)
    finally:
        gc.enable()
