"""A local AWS: moto with IAM enforced for every call.

    proxy → server → authentication → moto's dispatch → authorization → operations (iam, sts, eks, and moto's own)

`Cloud` starts and stops all parts. `identity` offers what AWS services use of IAM and STS and no public API has.
"""

from __future__ import annotations

from lab.cloud.service import Cloud

__all__ = ("Cloud",)
