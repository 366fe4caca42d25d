"""The functions (invokes) that the stand-in covers, by token."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from lab.plugins.aws.functions import ec2, eks, iam, index

FUNCTIONS: Final = MappingProxyType(
    {function.token: function for module in (index, iam, eks, ec2) for function in module.FUNCTIONS},
)
