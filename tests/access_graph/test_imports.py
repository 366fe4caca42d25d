"""What `import eks_access` loads."""

import subprocess
import sys

import pytest

HEAVY = ("boto3", "botocore", "lightkube", "pulumi", "httpx2")


@pytest.mark.parametrize("module", ["eks_access", "eks_access.cli", "eks_access.sources.live_permissions"])
def test_import_loads_no_client(module):
    """Importing the package, its command or its permissions loads no client of AWS, Kubernetes or Pulumi."""
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
