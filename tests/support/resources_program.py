"""Program with the resources in resources.json: access entries of the aws provider, and resources of the library."""

import json
from pathlib import Path

import pulumi
import pulumi_aws

import eks_identity

resources = []
for name, (kind, args) in json.loads(Path("resources.json").read_text()).items():
    if kind == "Entry":
        resources.append(pulumi_aws.eks.AccessEntry(name, **args))
    elif kind == "Policy":
        options = pulumi.ResourceOptions(depends_on=resources)
        resources.append(pulumi_aws.eks.AccessPolicyAssociation(name, **args, opts=options))
    else:
        options = pulumi.ResourceOptions(depends_on=resources)
        resources.append(getattr(eks_identity, kind)(name, args, options))
        for output in ("plan", "not_migrated", "authentication_mode", "takes_over"):
            if hasattr(resources[-1], output):
                pulumi.export(output, getattr(resources[-1], output))
