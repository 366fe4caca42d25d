"""What the tests of components share."""

import asyncio
from typing import Any

import pytest

from support.component_program import ACCOUNT, ISSUER, REGION, kubeconfig


@pytest.fixture(autouse=True)
def no_loop_outside_of_a_program() -> None:
    """An Output that a test makes outside of its program fails there: else it would leave an event loop open."""
    asyncio.set_event_loop(None)


@pytest.fixture
def connection() -> dict[str, Any]:
    """A cluster of another stack, written out."""
    return {
        "name": "eks-clu",
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
        "endpoint": "https://example.gr7.ap-northeast-1.eks.amazonaws.com",
        "certificate_authority": "Y2VydGlmaWNhdGU=",
        "issuer": ISSUER,
        "region": REGION,
        "account_id": ACCOUNT,
        "partition": "aws",
        "authentication_mode": "API_AND_CONFIG_MAP",
        "kubeconfig": kubeconfig(),
    }
