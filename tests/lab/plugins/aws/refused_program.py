"""Runs programs that must fail, in a process of their own: the Automation API leaves what such a program opened."""

import json
import os
import sys
from pathlib import Path

from aws_setting import new_stack
from pulumi import automation
from test_aws_refusals import REFUSED


def main() -> None:
    asked = json.load(sys.stdin)
    stack = new_stack(Path(asked["folder"]), asked["environment"], "refused")
    said = {}
    for name, case in REFUSED.items():
        run = stack.up if case.update else stack.preview
        try:
            run(program=case.program)
        except automation.CommandError as error:
            said[name] = str(error)
    json.dump(said, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
