"""The Pulumi program: what it declares is the composition named like the selected stack, in `stacks/`."""

import pulumi

from stacks.select import composition

composition(pulumi.get_stack()).compose()
