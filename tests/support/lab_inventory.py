"""The identity resources in a lab, read with the vendors' clients, to verify that a test removes all of its own."""

import json

import yaml

from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, client

KINDS = "namespaces,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,resourcequotas,pods"


def inventory(clients):
    """Return the resources in IAM of both accounts, in EKS and in each cluster."""
    clusters = client(clients.home, "eks").list_clusters()["clusters"]
    return inventory_of_accounts(clients) | {cluster: inventory_of_cluster(clients, cluster) for cluster in clusters}


def inventory_of_accounts(clients):
    """Return the IAM resources and buckets of both accounts."""
    return {account: of_account(clients, account) for account in (ADMINISTRATOR, OTHER_ADMINISTRATOR)}


def of_account(clients, administrator):
    iam, s3 = (client(clients.home, service, administrator) for service in ("iam", "s3"))
    return {
        "users": sorted(user["Arn"] for user in iam.list_users()["Users"]),
        "roles": sorted(role["Arn"] for role in iam.list_roles()["Roles"]),
        "policies": sorted(policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]),
        "providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        "buckets": sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
    }


def inventory_of_cluster(clients, cluster):
    """Return the resources in EKS and in the cluster."""
    eks = client(clients.home, "eks")
    mode = eks.describe_cluster(name=cluster)["cluster"]["accessConfig"]["authenticationMode"]
    return {
        "mode": mode,
        "addons": eks.list_addons(clusterName=cluster)["addons"],
        "associations": eks.list_pod_identity_associations(clusterName=cluster)["associations"],
        "entries": mode != "CONFIG_MAP" and sorted(eks.list_access_entries(clusterName=cluster)["accessEntries"]),
        "objects": objects(clients, cluster),
        "aws-auth": aws_auth(clients, cluster),
    }


def objects(clients, cluster):
    listed = clients.operate(cluster, "get", KINDS, "--all-namespaces", "-o", "json")
    return sorted(
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in json.loads(listed.stdout)["items"]
    )


def aws_auth(clients, cluster):
    listed = clients.operate(cluster, "-n", "kube-system", "get", "configmap", "aws-auth", "-o", "json")
    data = json.loads(listed.stdout).get("data") or {} if listed.worked else {}
    return {key: entries for key, text in data.items() if (entries := yaml.safe_load(text))}
