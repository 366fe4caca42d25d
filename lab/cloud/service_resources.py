"""Resource ARNs of calls to the services that pods of add-ons use, such as DNS, queues and file systems.

`resource_arns` has those of IAM, STS and EKS. Source: Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moto.secretsmanager.models import secretsmanager_backends

from lab.cloud.context import Parameters
from lab.cloud.request_identity import Caller


def service_arns(service: str, action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    """Return the possible resource ARNs of a call, the most specific member first, or none for an unlisted service."""
    list_arns = _SERVICES.get(service)
    return iter(()) if list_arns is None else list_arns(action, params, caller, region)


def _route53(action: str, params: Parameters, caller: Caller, _region: str) -> Iterator[str]:
    prefix = f"arn:{caller.partition}:route53:::"
    if action == "GetChange":
        yield f"{prefix}change/{_last_segment(params.get('Id'))}"
    kind = params.get("ResourceType") or "hostedzone"
    for member in ("HostedZoneId", "Id", "ResourceId"):
        if params.get(member):
            yield f"{prefix}{kind}/{_last_segment(params.get(member))}"


def _sqs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    name = params.get("QueueName") or _last_segment(params.get("QueueUrl"))
    if name:
        yield f"arn:{caller.partition}:sqs:{region}:{caller.account}:{name}"


def _secretsmanager(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    secret_id = str(params.get("SecretId") or params.get("Name") or "")
    if secret_id.startswith("arn:"):
        yield secret_id
    elif secret_id:
        secret = secretsmanager_backends[caller.account][region].secrets.get(secret_id)
        prefix = f"arn:{caller.partition}:secretsmanager:{region}:{caller.account}"
        # Secrets Manager appends six random characters to the name of a new secret.
        yield str(secret.arn) if secret else f"{prefix}:secret:{secret_id}-??????"


def _ssm(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    name = params.get("Name") or params.get("Path") or params.get("ResourceId") or (params.get("Names") or [""])[0]
    if name and not str(name).startswith("arn:"):
        yield f"arn:{caller.partition}:ssm:{region}:{caller.account}:parameter/{str(name).removeprefix('/')}"
    elif name:
        yield str(name)


def _efs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    prefix = f"arn:{caller.partition}:elasticfilesystem:{region}:{caller.account}"
    for member, kind in (("AccessPointId", "access-point"), ("FileSystemId", "file-system")):
        if params.get(member):
            yield f"{prefix}:{kind}/{_last_segment(params.get(member))}"


def _elastic_load_balancing(action: str, params: Parameters, _caller: Caller, _region: str) -> Iterator[str]:
    if action.startswith("Describe"):
        return
    for member in ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn"):
        if params.get(member):
            yield str(params.get(member))


def _logs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    group = params.get("logGroupName")
    if group:
        # AWS's denial messages have the log-stream part for calls on a log group too, with an empty name.
        stream = params.get("logStreamName") or ""
        yield f"arn:{caller.partition}:logs:{region}:{caller.account}:log-group:{group}:log-stream:{stream}"


def _last_segment(value: object) -> str:
    return str(value or "").rstrip("/").rpartition("/")[2]


_SERVICES: dict[str, Callable[[str, Parameters, Caller, str], Iterator[str]]] = {
    "elasticfilesystem": _efs,
    "elasticloadbalancing": _elastic_load_balancing,
    "logs": _logs,
    "route53": _route53,
    "secretsmanager": _secretsmanager,
    "sqs": _sqs,
    "ssm": _ssm,
}
