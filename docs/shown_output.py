"""Write the validation error that README.md shows, from its first program.

`make schema` runs `python -W ignore docs/shown_output.py`.
"""

import re
from pathlib import Path

import eks_identity.errors
from eks_identity.testing import InvalidInputError, deploy

README = Path(__file__).resolve().parents[1] / "README.md"
PROGRAM = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
ERROR = re.compile(r"(?<=^```text\n)ClusterAccess .*?(?=^```$)", re.MULTILINE | re.DOTALL)
MISTAKE = ("arn:aws:iam::123456789012:user/eks-ope", "arn:aws:sts::123456789012:assumed-role/operators/alice")
"""The ARN of the program, and the one that the README replaces it with."""


def error_of(code: str) -> str:
    """Return the validation error of a program."""
    try:
        deploy(lambda: exec(compile(code, "README.md", "exec"), {}))  # noqa: S102 - the README's own code
    except (InvalidInputError, eks_identity.errors.InvalidInput) as error:
        return f"{error}\n"
    raise AssertionError("the program must have a validation error")


def with_error(text: str) -> str:
    """Return the README with the error of its program with the mistake."""
    program = PROGRAM.search(text)
    if program is None or MISTAKE[0] not in program["code"]:
        raise LookupError(f"README.md: its first program must contain {MISTAKE[0]}")
    error = error_of(program["code"].replace(*MISTAKE))
    return ERROR.sub(lambda _: error, text)


if __name__ == "__main__":
    README.write_text(with_error(README.read_text()))
