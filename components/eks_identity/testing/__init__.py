"""Unit tests of programs that use this library, without engine, plugins and AWS account, in milliseconds.

    from pathlib import Path
    from eks_identity.testing import deploy

    def test_operators_can_only_read():
        deployment = deploy(Path("__main__.py"), config={"project:cluster": "eks-clu"})
        operator = "arn:…:user/eks-ope"
        deployment.assert_can(operator, "list", "pods")
        deployment.assert_cannot(operator, "delete", "pods", namespace="default")
        deployment.assert_pod_can("default", "my-sa", "s3:GetObject", "arn:…:my-bucket/file")

A failed assertion prints the chain of identity and names the broken link. For an input that is not valid, `deploy`
raises the error that `pulumi preview` would show.
"""

from __future__ import annotations

from eks_identity.runtime.inputs import InvalidInputError
from eks_identity.testing.cloud import Cloud, PluginError
from eks_identity.testing.deployment import Deployment, RegisteredResource
from eks_identity.testing.engine import Program, deploy
from eks_identity.testing.verdict import Answer, Verdict

__all__ = [
    "Answer",
    "Cloud",
    "Deployment",
    "InvalidInputError",
    "PluginError",
    "Program",
    "RegisteredResource",
    "Verdict",
    "deploy",
]
