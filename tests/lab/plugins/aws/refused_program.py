"""Runs one program that must fail, in a process of its own: the Automation API leaves what such a program opened."""

import json
import os
import sys
from pathlib import Path

from aws_setting import new_stack
from pulumi import automation
from test_aws_refusals import REFUSED


def main() -> None:
    asked = json.load(sys.stdin)
    case = REFUSED[asked["case"]]
    stack = new_stack(Path(asked["folder"]), asked["environment"], "refused")
    run = stack.up if case.update else stack.preview
    try:
        run(program=case.program)
    except automation.CommandError as error:
        sys.stdout.write(str(error))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
