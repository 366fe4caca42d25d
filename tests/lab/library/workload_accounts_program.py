"""Program with roles in another account."""

import json

import pulumi
import pulumi_aws as aws

import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))

credentials = {"profile": "default", "shared_credentials_files": [config["credentials_file"]]}
other = aws.Provider("other", region="ap-northeast-1", **credentials)
cluster = eks.Cluster("clu", {"name": config["cluster"]})
account = {"cluster": cluster.connection, "namespace": "default"}
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
in_other_account = pulumi.ResourceOptions(providers=[other])

# An OIDC provider in the other account.
provider = eks.OidcProvider("other", {"issuer": cluster.issuer}, in_other_account)
passed = [other] if config["pass_provider"] else []
args = {"service_account": "registered", "role_name": "registered", "oidc_provider_arn": provider.arn}
eks.WorkloadIdentity("registered", {**account, **args}, pulumi.ResourceOptions(providers=[cluster.provider, *passed]))

# A chained role.
name = f"arn:aws:iam::{config['account']}:role/chained"
args = {"service_account": "chaining", "oidc_provider_arn": config["provider"], "assume_role_arns": [name]}
workload = eks.WorkloadIdentity("chaining", {**account, **args, "role_name": "chaining"}, on_cluster)
args = {"role_name": "chained", "trusted_role_arns": [workload.role_arn], "external_id": "shop-1"}
eks.ChainedRole("chained", args, in_other_account)

# A target role of the association.
subjects = [{"namespace": "default", "name": "targeting"}]
name = f"arn:aws:iam::{config['account']}:role/target"
args = {"role_name": "source", "cluster_arns": [cluster.arn], "subjects": subjects, "assume_role_arns": [name]}
source = eks.PodIdentityRole("source", args)
args = {"role_name": "target", "cluster_arns": [cluster.arn], "subjects": config["subjects"]}
target = eks.ChainedRole("target", {**args, "trusted_role_arns": [source.arn]}, in_other_account)
args = {"mode": "pod-identity", "role_arn": source.arn, "target_role_arn": target.arn, "service_account": "targeting"}
eks.WorkloadIdentity("targeting", {**account, **args}, on_cluster)
