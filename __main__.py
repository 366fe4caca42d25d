"""The Pulumi program: declares the environment whose module in `stacks/` has the name of the selected stack."""

import atexit
import gc

gc.disable()  # imports create no garbage, and collection takes a tenth of their time

import pulumi  # noqa: E402 - as above

from stacks.environments import load_environment  # noqa: E402 - as above

environment = load_environment(pulumi.get_stack())
gc.freeze()
gc.enable()
atexit.register(gc.freeze)  # at exit Python would scan every object again, which takes a third of a second
environment.compose()
