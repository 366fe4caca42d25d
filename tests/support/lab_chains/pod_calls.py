"""The calls of a pod's AWS SDK, by AWS's own client: what STS, EKS Auth and S3 of the lab answer to the pod.

The SDK finds its credentials by the variables that the webhook added to the pod. `kubectl create token` gives the token
that the kubelet would mount.
"""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from lab.principals import client, session
from support.access_graphs import REGION
from support.lab_chains.lab_workload import LabWorkload, audiences
from support.workload_breaks import Break
from support.workload_chains import CLUSTER, NAME, NAMESPACE, POD


def denial(workload: LabWorkload, action: Break) -> str:
    """Return why the pod cannot do the action of a break; empty if it can."""
    try:
        credentials = _credentials(workload)
        if credentials is None:
            return "no credentials"
        _act(workload, action, credentials)
    except (ClientError, ParamValidationError) as error:
        return str(error)
    return ""


def _credentials(workload: LabWorkload) -> dict[str, str] | None:
    """Return the credentials that the SDK finds by the pod's variables; None without one."""
    home, pod = workload.clients.home, workload.pod()
    variables = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0].get("env", ())}
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in variables:
        auth = client(home, "eks-auth")
        found = auth.assume_role_for_pod_identity(clusterName=CLUSTER, token=_token(workload, pod))["credentials"]
        keys = (found["accessKeyId"], found["secretAccessKey"], found["sessionToken"])
    elif "AWS_ROLE_ARN" in variables:
        request = {"RoleArn": variables["AWS_ROLE_ARN"], "RoleSessionName": "pod"}
        sts = client(home, "sts")
        found = sts.assume_role_with_web_identity(**request, WebIdentityToken=_token(workload, pod))["Credentials"]
        keys = (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    else:
        return None
    return dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), keys, strict=True))


def _token(workload: LabWorkload, pod: Any) -> str:
    (audience,) = audiences(pod)
    bound = ("--bound-object-kind", "Pod", "--bound-object-name", POD[1], "--audience", audience)
    return workload.kubectl("-n", NAMESPACE, "create", "token", NAME, *bound).strip()


def _act(workload: LabWorkload, action: Break, credentials: dict[str, str]) -> None:
    """Call the action. Raises `ClientError` if AWS denies it."""
    state = workload.clients.home.require_running()
    config = Config(proxies={"https": state.proxy_url})
    service = "sts" if action.action == "sts:AssumeRole" else "s3"
    aws = session(workload.clients.home).client(
        service, region_name=REGION, verify=state.ca_file, config=config, **credentials
    )
    if service == "sts":
        aws.assume_role(RoleArn=action.resource, RoleSessionName="pod")
    else:
        aws.list_objects_v2(Bucket=action.resource.rpartition(":")[2])
