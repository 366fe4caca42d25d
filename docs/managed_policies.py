"""Write the AWS-managed policies that `eks_access` ships, from the data of moto (Apache-2.0).

Policies of service-linked roles are left out: no program attaches them. Run `make managed-policies` after an update of
moto.
"""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from eks_access.catalogue import managed_policies

PATH = Path(managed_policies.__file__).with_name(managed_policies.FILE)
_SERVICE_LINKED = "/aws-service-role/"


def managed_policies_of_moto() -> dict[str, Any]:
    """Return the documents by path and name, with their source and the date of the latest one."""
    policies = json.loads(aws_managed_policies_data)
    attachable = {name: policy for name, policy in policies.items() if policy["Path"] != _SERVICE_LINKED}
    return {
        "source": f"moto {version('moto')} (Apache-2.0), moto/iam/aws_managed_policies.py",
        "date": max(policy.get("UpdateDate", policy["CreateDate"]) for policy in policies.values())[:10],
        "documents": {f"{policy['Path'][1:]}{name}": policy["Document"] for name, policy in sorted(attachable.items())},
    }


if __name__ == "__main__":
    text = json.dumps(managed_policies_of_moto(), separators=(",", ":"), sort_keys=True)
    PATH.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
