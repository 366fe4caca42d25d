"""The listing calls of a whole access graph and nothing else: pages of boto3, and pages of the API server as JSON.

One listing for each kind of object. EKS lists only the names of access entries and associations, and IAM only the ARNs
of OIDC providers: a request for each of them is a part of the listing. AWS and Kubernetes are read at the same time.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx2
import yaml
from botocore.config import Config

PAGE, THREADS = 500, 8
IAM_KINDS = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]
KINDS = (
    "/api/v1/serviceaccounts",
    "/api/v1/pods",
    "/api/v1/nodes",
    *(
        f"/apis/rbac.authorization.k8s.io/v1/{kind}"
        for kind in ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
    ),
)


def list_aws(cluster: str) -> dict[str, int]:
    """Return the number of objects of each listing in AWS."""
    config = Config(max_pool_connections=THREADS)
    session = boto3.Session()
    iam, eks, ec2 = (session.client(service, config=config) for service in ("iam", "eks", "ec2"))
    of_cluster = {"clusterName": cluster}
    details = list(_pages(iam, "get_account_authorization_details", Filter=IAM_KINDS))
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    arns = [provider["Arn"] for provider in providers]
    _each(lambda arn: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn), arns)
    entries = [arn for page in _pages(eks, "list_access_entries", **of_cluster) for arn in page["accessEntries"]]
    _each(lambda arn: eks.describe_access_entry(principalArn=arn, **of_cluster), entries)
    _each(lambda arn: list(_pages(eks, "list_associated_access_policies", principalArn=arn, **of_cluster)), entries)
    pages = _pages(eks, "list_pod_identity_associations", **of_cluster)
    ids = [each["associationId"] for page in pages for each in page["associations"]]
    _each(lambda id_: eks.describe_pod_identity_association(associationId=id_, **of_cluster), ids)
    list(_pages(ec2, "describe_instances"))
    return {
        "iam_roles": sum(len(page["RoleDetailList"]) for page in details),
        "policies": sum(len(page["Policies"]) for page in details),
        "entries": len(entries),
        "associations": len(ids),
    }


def list_kubernetes(cluster: str, kubeconfig: Path) -> dict[str, int]:
    """Return the number of objects of each listing of the API server. The token is that of `aws eks get-token`."""
    command = ["aws", "eks", "get-token", "--cluster-name", cluster, "--output", "json"]
    token = json.loads(subprocess.check_output(command))["status"]["token"]
    endpoint = next(
        each["cluster"] for each in yaml.safe_load(kubeconfig.read_text())["clusters"] if each["name"].endswith(cluster)
    )
    authority = base64.b64decode(endpoint["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=endpoint["server"], verify=context, headers=headers, timeout=60) as http:
        http.get("/api/v1/namespaces/kube-system/configmaps/aws-auth").raise_for_status()
        return {path.rpartition("/")[2]: sum(_lengths(http, path)) for path in KINDS}


def _lengths(http: httpx2.Client, path: str) -> Iterator[int]:
    token = ""
    while True:
        page = http.get(path, params={"limit": PAGE, "continue": token}).raise_for_status().json()
        yield len(page["items"])
        token = page["metadata"].get("continue", "")
        if not token:
            return


def _pages(client: Any, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    yield from client.get_paginator(operation).paginate(**arguments)


def _each(call: Callable[[str], Any], items: Iterable[str]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call, items))


def main(cluster: str, kubeconfig: str) -> None:
    with ThreadPoolExecutor(2) as both:
        halves = [both.submit(list_aws, cluster), both.submit(list_kubernetes, cluster, Path(kubeconfig))]
        sys.stdout.write(json.dumps({name: count for half in halves for name, count in half.result().items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
