"""What there is of identity in a lab, seen with the vendor's clients: so that a test shows that it left nothing."""

import json

import yaml

from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, client

KINDS = "namespaces,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,resourcequotas,pods"


def inventory(world):
    """Everything: in IAM of both accounts, in EKS and in each cluster."""
    clusters = client(world.home, "eks").list_clusters()["clusters"]
    return of_accounts(world) | {cluster: of_cluster(world, cluster) for cluster in clusters}


def of_accounts(world):
    """IAM and the buckets of both accounts."""
    return {account: of_account(world, account) for account in (ADMINISTRATOR, OTHER_ADMINISTRATOR)}


def of_account(world, administrator):
    iam, s3 = (client(world.home, service, administrator) for service in ("iam", "s3"))
    return {
        "users": sorted(user["Arn"] for user in iam.list_users()["Users"]),
        "roles": sorted(role["Arn"] for role in iam.list_roles()["Roles"]),
        "policies": sorted(policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]),
        "providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "buckets": sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
    }


def of_cluster(world, cluster):
    """What EKS and the cluster itself have."""
    eks = client(world.home, "eks")
    mode = eks.describe_cluster(name=cluster)["cluster"]["accessConfig"]["authenticationMode"]
    return {
        "mode": mode,
        "addons": eks.list_addons(clusterName=cluster)["addons"],
        "associations": eks.list_pod_identity_associations(clusterName=cluster)["associations"],
        "entries": mode != "CONFIG_MAP" and sorted(eks.list_access_entries(clusterName=cluster)["accessEntries"]),
        "objects": objects(world, cluster),
        "aws-auth": aws_auth(world, cluster),
    }


def objects(world, cluster):
    listed = world.operate(cluster, "get", KINDS, "--all-namespaces", "-o", "json")
    return sorted(
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in json.loads(listed.stdout)["items"]
    )


def aws_auth(world, cluster):
    listed = world.operate(cluster, "-n", "kube-system", "get", "configmap", "aws-auth", "-o", "json")
    data = json.loads(listed.stdout)["data"] if listed.worked else {}
    return {key: entries for key, text in data.items() if (entries := yaml.safe_load(text))}
