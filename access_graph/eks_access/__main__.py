"""Run the command line: `python -m eks_access`."""

from eks_access.cli import main

main()
