"""The entry point of the program `pulumi-resource-eks`."""

from __future__ import annotations

from importlib.metadata import version

from lab.plugins.eks.provider import EksPlugin
from lab.plugins.serve import serve

if __name__ == "__main__":
    serve(EksPlugin(), version("pulumi_eks"))
