"""Program with the aws-auth mappings in resources.json, with secrets where the file marks them."""

import json
from pathlib import Path

import pulumi

import eks_identity as eks

resources = json.loads(Path("resources.json").read_text())


def value(arg):
    return pulumi.Output.secret(arg["secret"]) if isinstance(arg, dict) and "secret" in arg else arg


for name, args in resources.items():
    values = {key: [value(item) for item in arg] if isinstance(arg, list) else value(arg) for key, arg in args.items()}
    eks.AwsAuthMapping(name, values)
