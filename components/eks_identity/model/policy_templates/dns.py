"""Policy templates for DNS records in hosted zones of Route 53: ExternalDNS and cert-manager."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import HOSTED_ZONES
from eks_identity.model.policy_templates.statements import Statement, allow
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope


def _external_dns(scope: Scope) -> Iterator[Statement]:
    zones = scope.all_of(HOSTED_ZONES)
    yield allow(
        "route53:ChangeResourceRecordSets",
        "route53:ListResourceRecordSets",
        "route53:ListTagsForResource",
        "route53:ListTagsForResources",
    ).on(*zones)
    yield allow("route53:ListHostedZones")


def _cert_manager(scope: Scope) -> Iterator[Statement]:
    yield allow("route53:GetChange").on(scope.arn("route53", "change/*", region="", account=""))
    yield allow("route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets").on(*scope.all_of(HOSTED_ZONES))
    yield allow("route53:ListHostedZonesByName")


EXTERNAL_DNS = PolicyTemplate(
    name="external-dns",
    namespace="external-dns",
    service_account="external-dns",
    permissions="write the records of the zones, and find them by name and tags",
    source="https://kubernetes-sigs.github.io/external-dns/latest/docs/tutorials/aws/#iam-policy",
    statements=_external_dns,
    one_of=[[HOSTED_ZONES]],
    addon="external-dns",
)

CERT_MANAGER = PolicyTemplate(
    name="cert-manager",
    namespace="cert-manager",
    service_account="cert-manager",
    permissions="solve DNS-01 challenges in the zones",
    source="https://cert-manager.io/docs/configuration/acme/dns01/route53/#set-up-an-iam-policy",
    statements=_cert_manager,
    one_of=[[HOSTED_ZONES]],
    addon="cert-manager",
)
