"""Program with a new cluster that has a Fargate profile."""

import json

import pulumi_aws as aws

import eks_identity as eks

boundary = aws.iam.Policy(
    "boundary",
    name="fargate-boundary",
    policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
)
cluster = eks.Cluster(
    "serverless",
    {
        "name": "serverless",
        "create": {
            "fargate": {"selectors": [{"namespace": "jobs", "labels": {"size": "small"}}]},
            "skip_default_node_group": True,
        },
        "role_settings": {
            "role_name_prefix": "fargate-",
            "path": "/fargate/",
            "permissions_boundary": boundary.arn,
            "tags": {"team": "shop"},
        },
    },
)
