"""Enforced operations of Amazon Route 53."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.rules import Requirement, Service, call_variables, names


def _zones(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the hosted zones that the call names by their ids, with or without the path before them."""
    if call.params.get("ResourceType", "hostedzone") == "hostedzone" and call.name != "GetChange":
        for value in call.find_all("HostedZoneId || Id || ResourceId || ResourceIds"):
            yield resource_type.fill({**call_variables(call), "Id": _last_segment(value)})


def _health_checks(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    if call.params.get("ResourceType") == "healthcheck":
        for value in call.find_all("ResourceId || ResourceIds"):
            yield resource_type.fill({**call_variables(call), "Id": _last_segment(value)})


def _changes(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    if call.name == "GetChange":
        yield resource_type.fill({**call_variables(call), "Id": _last_segment(str(call.params.get("Id")))})


def _last_segment(value: str) -> str:
    return value.rstrip("/").rpartition("/")[2]


def _context(call: ApiCall, _requirement: Requirement) -> Values:
    """Return the names, types and actions of the records of a change."""
    changes = call.find("ChangeBatch.Changes") or ()
    prefix = "route53:ChangeResourceRecordSets"
    if not changes:
        return {}
    return {
        f"{prefix}Actions": tuple({str(change["Action"]) for change in changes}),
        f"{prefix}RecordTypes": tuple({str(change["ResourceRecordSet"]["Type"]) for change in changes}),
        f"{prefix}NormalizedRecordNames": tuple(
            {str(change["ResourceRecordSet"]["Name"]).lower().rstrip(".") for change in changes}
        ),
    }


ROUTE53 = Service(
    name="route53",
    prefix="route53",
    signing_name="route53",
    backend="route53",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html",
    operations=names(
        "ChangeResourceRecordSets ChangeTagsForResource CreateHostedZone DeleteHostedZone GetChange GetHostedZone "
        "GetHostedZoneCount ListHostedZones ListHostedZonesByName ListResourceRecordSets ListTagsForResource "
        "ListTagsForResources UpdateHostedZoneComment"
    ),
    resources={"hostedzone": _zones, "healthcheck": _health_checks, "change": _changes},
    context=_context,
)
