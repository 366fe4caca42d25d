"""The entry point of the program `pulumi-resource-aws`."""

from __future__ import annotations

from importlib.metadata import version

from lab.plugins.aws.provider import AwsPlugin
from lab.plugins.serve import serve

if __name__ == "__main__":
    serve(AwsPlugin(), version("pulumi_aws"))
