"""The Pulumi program: what it declares is the composition named like the selected stack, in `stacks/`."""

import atexit
import gc

gc.disable()  # imports leave nothing to collect, and looking for it takes a tenth of their time

import pulumi  # noqa: E402 - as above

from stacks.select import composition  # noqa: E402 - as above

declare = composition(pulumi.get_stack())
gc.freeze()
gc.enable()
atexit.register(gc.freeze)  # at its end Python would look at every object once more, for a third of a second
declare.compose()
