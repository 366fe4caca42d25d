"""Program with roles and add-ons that have policy templates."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

zone, secret, mode = (config[name] for name in ("zone", "secret", "mode"))
cluster = eks.Cluster("cluster", {"name": "irsa"})
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
provider = eks.OidcProvider("cluster", {"issuer": cluster.issuer})
mine = aws.s3.Bucket("mine", bucket="catalogue-mine", force_destroy=True)
other = aws.s3.Bucket("other", bucket="catalogue-other", force_destroy=True)
files = eks.WorkloadIdentity(
    "files",
    {
        "cluster": cluster.connection,
        "namespace": "default",
        "service_account": "files",
        "mode": "irsa",
        "oidc_provider_arn": provider.arn,
        "policy_templates": [
            {"name": "aws-mountpoint-s3-csi-driver", "bucket_arns": [mine.arn], "key_prefixes": ["team/"]},
            {"name": "external-secrets", "secret_arns": [secret]},
        ],
    },
    on_cluster,
)
balancer = eks.IrsaRole(
    "balancer",
    {
        "oidc_provider_arns": [provider.arn],
        "subjects": [{"namespace": "default", "name": "balancer"}],
        "policy_templates": [{"name": "aws-load-balancer-controller", "cluster_names": [cluster.name]}],
    },
)
dns = eks.Addon(
    "dns",
    {
        "cluster": cluster.connection,
        "addon_name": "external-dns",
        "mode": mode,
        "oidc_provider_arn": provider.arn,
        "configuration_values": json.dumps({"policy": "sync"}),
        "policy_templates": [{"name": "external-dns", "hosted_zone_arns": [zone]}],
    },
)
driver = eks.Addon(
    "driver",
    {
        "cluster": cluster.connection,
        "addon_name": "aws-ebs-csi-driver",
        "mode": "pod-identity",
    },
)
pulumi.export("files", files.role_arn)
pulumi.export("balancer", balancer.arn)
pulumi.export("dns", {"role": dns.role_arn, "arn": dns.arn, "account": dns.service_account})
pulumi.export("driver", {"role": driver.role_arn, "arn": driver.arn})
