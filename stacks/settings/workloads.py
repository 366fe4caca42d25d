"""Which service accounts may do what in AWS."""

from __future__ import annotations

from typing import Literal

import eks_identity as eks
from stacks.settings.models_from_args import takes
from stacks.settings.pods import PodSettings

Mode = Literal["irsa", "pod-identity"]


@takes(eks.WorkloadIdentityArgs, without=["cluster"])
class WorkloadSettings(PodSettings):
    """A service account's access to AWS."""

    cluster: str
    """One of `clusters`."""
    mode: Mode | None = None
    """How the service account gets its role: `irsa`, by its token and the cluster's OIDC provider; `pod-identity`, by
    an association, which needs the add-on `eks-pod-identity-agent`. `defaults.mode` where left out."""
