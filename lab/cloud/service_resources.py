"""Which resources calls of the services are about that pods of add-ons use, such as DNS, queues and file systems.

A table of its own beside `resources`, which knows IAM, STS and EKS. Source: the service authorization reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moto.secretsmanager.models import secretsmanager_backends

from lab.cloud.context import Parameters
from lab.cloud.request_identity import Caller


def of_service(service: str, action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    """The ARNs that a call is about, most telling member first; none where the service is not listed here."""
    found = _SERVICES.get(service)
    return iter(()) if found is None else found(action, params, caller, region)


def _route53(action: str, params: Parameters, caller: Caller, _region: str) -> Iterator[str]:
    prefix = f"arn:{caller.partition}:route53:::"
    if action == "GetChange":
        yield f"{prefix}change/{_last(params.get('Id'))}"
    kind = params.get("ResourceType") or "hostedzone"
    for member in ("HostedZoneId", "Id", "ResourceId"):
        if params.get(member):
            yield f"{prefix}{kind}/{_last(params.get(member))}"


def _sqs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    name = params.get("QueueName") or _last(params.get("QueueUrl"))
    if name:
        yield f"arn:{caller.partition}:sqs:{region}:{caller.account}:{name}"


def _secretsmanager(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    given = str(params.get("SecretId") or params.get("Name") or "")
    if given.startswith("arn:"):
        yield given
    elif given:
        made = secretsmanager_backends[caller.account][region].secrets.get(given)
        prefix = f"arn:{caller.partition}:secretsmanager:{region}:{caller.account}"
        # A secret that is yet to be made gets six characters behind its name, which nobody knows before.
        yield str(made.arn) if made else f"{prefix}:secret:{given}-??????"


def _ssm(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    given = params.get("Name") or params.get("Path") or params.get("ResourceId") or (params.get("Names") or [""])[0]
    if given and not str(given).startswith("arn:"):
        yield f"arn:{caller.partition}:ssm:{region}:{caller.account}:parameter/{str(given).removeprefix('/')}"
    elif given:
        yield str(given)


def _efs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    prefix = f"arn:{caller.partition}:elasticfilesystem:{region}:{caller.account}"
    for member, kind in (("AccessPointId", "access-point"), ("FileSystemId", "file-system")):
        if params.get(member):
            yield f"{prefix}:{kind}/{_last(params.get(member))}"


def _load_balancing(action: str, params: Parameters, _caller: Caller, _region: str) -> Iterator[str]:
    if action.startswith("Describe"):
        return
    for member in ("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn"):
        if params.get(member):
            yield str(params.get(member))


def _logs(_action: str, params: Parameters, caller: Caller, region: str) -> Iterator[str]:
    group = params.get("logGroupName")
    if group:
        # AWS's own refusals name the stream's part for calls of a group too, with nothing behind it.
        stream = params.get("logStreamName") or ""
        yield f"arn:{caller.partition}:logs:{region}:{caller.account}:log-group:{group}:log-stream:{stream}"


def _last(value: object) -> str:
    return str(value or "").rstrip("/").rpartition("/")[2]


_SERVICES: dict[str, Callable[[str, Parameters, Caller, str], Iterator[str]]] = {
    "elasticfilesystem": _efs,
    "elasticloadbalancing": _load_balancing,
    "logs": _logs,
    "route53": _route53,
    "secretsmanager": _secretsmanager,
    "sqs": _sqs,
    "ssm": _ssm,
}
