"""The roles that a pipeline assumes: one reads for previews and drift, one updates after a review."""

import json
from pathlib import Path

import pulumi
import yaml

from eks_identity import Cluster, ClusterAccess, OidcProvider, PipelineRole

config = pulumi.Config()
repository = config.require("repository")
# Repositories with immutable subject claims, created or renamed after 15 July 2026, need both ids.
ids = {name: value for name in ("owner_id", "repository_id") if (value := config.get(name))}
cluster = Cluster("cluster", {"name": config.require("cluster")})
github = OidcProvider("github", {"issuer": "https://token.actions.githubusercontent.com"})

# What `eks-access diff --permissions` prints: everything that previews and drift read, and no secrets.
here = Path(__file__).parent
read = json.loads((here / "read-policy.json").read_text())
read_role, _ = yaml.safe_load_all((here / "read-cluster-role.yaml").read_text())
update = json.loads((here / "update-policy.json").read_text())

state_bucket = config.get("state_bucket")
state_read, state_write = [], []
if state_bucket:
    bucket, objects = f"arn:aws:s3:::{state_bucket}", f"arn:aws:s3:::{state_bucket}/*"
    state_read = [
        {"actions": ["s3:ListBucket"], "resources": [bucket]},
        {"actions": ["s3:GetObject"], "resources": [objects]},
    ]
    state_write = [{"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": [objects]}]

# The engine decrypts the data key of a stack in each run, and encrypts that of a new one. It calls KMS directly, so
# `kms:ViaService` has no value; the encryption context tells the data keys of several fleets under one key apart.
kms_key_arn = config.get("kms_key_arn")
secrets_read, secrets_write = [], []
if kms_key_arn:
    in_context = [
        {"test": "StringEquals", "variable": f"kms:EncryptionContext:{name}", "values": [value]}
        for name, value in (config.get_object("kms_encryption_context") or {}).items()
    ]
    key = {"resources": [kms_key_arn], "conditions": in_context}
    secrets_read = [{"actions": ["kms:Decrypt"], **key}]
    secrets_write = [{"actions": ["kms:Encrypt"], **key}]

preview = PipelineRole(
    "preview",
    {
        "role_name": "eks-pipeline-preview",
        "oidc_provider_arn": github.arn,
        # Pull requests run unreviewed code, and the schedule runs on main: both only read.
        "github_jobs": [
            {"repository": repository, **ids, "pull_requests": True},
            {"repository": repository, **ids, "branch": "main"},
        ],
        "inline_policies": {"read": json.dumps(read)},
        "statements": [*state_read, *secrets_read],
    },
)
deploy = PipelineRole(
    "deploy",
    {
        "role_name": "eks-pipeline-deploy",
        "oidc_provider_arn": github.arn,
        "github_jobs": [{"repository": repository, **ids, "environment": "prod"}],
        "inline_policies": {"read": json.dumps(read), "update": json.dumps(update)},
        "statements": [*state_read, *state_write, *secrets_read, *secrets_write],
    },
)
ClusterAccess(
    "pipelines",
    {
        "cluster": cluster.connection,
        "group": "eks-access",
        "rbac_roles": [
            {
                "name": "eks-access",
                "rules": [
                    {
                        "verbs": rule["verbs"],
                        "resources": rule["resources"],
                        "api_groups": rule["apiGroups"],
                        **({"resource_names": rule["resourceNames"]} if "resourceNames" in rule else {}),
                    }
                    for rule in read_role["rules"]
                ],
            }
        ],
        "principals": [{"arn": preview.arn}, {"arn": deploy.arn}],
        "access_method": "access-entry",
    },
    pulumi.ResourceOptions(providers=[cluster.provider]),
)

pulumi.export("preview_role_arn", preview.arn)
pulumi.export("deploy_role_arn", deploy.arn)
