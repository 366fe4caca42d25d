"""Enforced operations of AWS CloudFormation."""

from __future__ import annotations

from lab.cloud.services.rules import Service

CLOUDFORMATION = Service(
    name="cloudformation",
    prefix="cloudformation",
    signing_name="cloudformation",
    backend="cloudformation",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html",
    # moto creates the resources of a stack without authorization of the caller.
    operations=frozenset(),
)
