"""Runs programs that must fail in a separate process, because the Automation API leaks their resources."""

import json
import os
import sys
from pathlib import Path

from pulumi import automation
from test_aws_refusals import REJECTED

from support.aws_plugin import new_stack


def main() -> None:
    request = json.load(sys.stdin)
    stack = new_stack(Path(request["folder"]), request["environment"], "rejected")
    errors = {}
    for name, case in REJECTED.items():
        run = stack.up if case.update else stack.preview
        try:
            run(program=case.program)
        except automation.CommandError as error:
            errors[name] = str(error)
    json.dump(errors, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
