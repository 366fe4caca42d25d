"""AWS on one machine: moto, with IAM that means it.

    proxy → server → authentication → moto's dispatch → authorization → operations (iam, sts, eks, and moto's own)

`Cloud` starts and stops all of it. `identity` is what the rest of the lab asks of IAM beside the public API.
"""

from __future__ import annotations

from lab.cloud.service import Cloud

__all__ = ("Cloud",)
