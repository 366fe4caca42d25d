"""A local AWS: moto with IAM enforced for each operation that the lab implements. It rejects all others.

    proxy → server → authentication → gate (parse, authorize, write) → moto's dispatch → operations (own and moto's)

`Cloud` starts and stops all parts. `identity` offers what AWS services use of IAM and STS and no public API has.
"""

from __future__ import annotations

from lab.cloud.service import Cloud

__all__ = ("Cloud",)
