"""OidcProvider: the IAM OIDC provider of a cluster, by which an account trusts the tokens of the cluster's pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi
import pulumi_aws as aws

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import names
from eks_identity.model import tags as tag_rules
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import AWS
from eks_identity.runtime import diagnostics, invoke, program_state
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.credentials import find_provider
from eks_identity.runtime.inputs import Inputs, InvalidInputError, parse_output, parsed_by
from eks_identity.runtime.resource_hooks import ChildResource, preflight_hook

LOOK_UP = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
_ADOPT = "set adopt to True: the provider is then used unchanged, and never deleted"


class OidcProviderArgs(TypedDict):
    """An OIDC issuer that an account trusts."""

    issuer: pulumi.Input[str]
    """`Cluster.issuer`, with or without `https://`."""
    adopt: NotRequired[bool]
    """Use the account's existing provider of this issuer. It is looked up, and never changed or deleted."""
    audiences: NotRequired[list[str]]
    """Trusted audiences; by default `sts.amazonaws.com`, the audience of pods in every partition."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the provider, at most 50. An adopted provider keeps its own."""


@dataclass(frozen=True)
class _Options:
    """The parsed inputs of an OidcProvider."""

    issuer: pulumi.Input[Issuer] = parsed_by(Issuer.parse, public=True)
    adopt: bool = parsed_by(bool, default=False)
    audiences: Sequence[str] = parsed_by(names.text, each=True, default=(AWS.sts_audience,))
    tags: Mapping[str, pulumi.Input[str]] | None = parsed_by(names.text, each=True)


class OidcProvider(pulumi.ComponentResource):
    """The IAM OIDC provider of an issuer, created or adopted. An account has at most one for each issuer.

    Created without a thumbprint: IAM does not need one for EKS, and reading it takes a connection while the program
    runs. Rejected at preview: creating a provider that exists, adopting one that does not exist, and adopting one that
    does not trust the audiences. An account has at most 100 providers (IAM).

    Source: EKS user guide, "Create an IAM OIDC provider for your cluster".
    """

    arn: pulumi.Output[str]
    """The provider's ARN in IAM."""
    issuer: pulumi.Output[str]
    """The issuer, with `https://`."""
    audiences: pulumi.Output[list[str]]
    """The audiences that the provider trusts."""

    @overload
    def __init__(
        self, resource_name: str, args: OidcProviderArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[OidcProviderArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: OidcProviderArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'OidcProvider "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, OidcProviderArgs) as inputs:
            options = inputs.read(_Options)
            if not options.audiences or not all(options.audiences):
                rule = "must have at least one audience, and no empty one"
                inputs.reject(Problem("audiences", rule, list(options.audiences), f"write {AWS.sts_audience}"))
            inputs.reject(*(problem.with_prefix("tags") for problem in tag_rules.problems(args.get("tags", {}))))
            url: pulumi.Input[str] = ""
            if not options.adopt:
                url = inputs.parse("issuer", options.issuer, partial(_declare_once, subject, _account_key(opts)))

        super().__init__("eks-identity:index:OidcProvider", resource_name, {}, opts)
        issuer = pulumi.Output.from_input(options.issuer)
        self.issuer = issuer.apply(lambda resolved: resolved.url)
        if options.adopt:

            async def adopt(resolved: Issuer) -> Mapping[str, Any]:
                return await self._adopt(options.audiences, resolved)

            provider: pulumi.Output[Mapping[str, Any]] = parse_output(issuer, adopt, subject)
            self.arn = provider.apply(lambda resolved: str(resolved["arn"]))
            self.audiences = provider.apply(lambda resolved: list(resolved["clientIdLists"]))
        else:
            resource = aws.iam.OpenIdConnectProvider(
                resource_name,
                url=url,
                client_id_lists=list(options.audiences),
                tags=options.tags,
                opts=pulumi.ResourceOptions(parent=self, hooks=self._reject_existing(resource_name, subject)),
            )
            self.arn = resource.arn
            self.audiences = resource.client_id_lists.apply(list)
        self.register_outputs({"arn": self.arn, "issuer": self.issuer, "audiences": self.audiences})

    async def _adopt(self, audiences: Sequence[str], issuer: Issuer) -> Mapping[str, Any]:
        """Return the existing provider; raise `InvalidInput` if there is none, or it does not trust the audiences."""
        provider = await self._find(issuer)
        if provider is None:
            rule = "must be omitted: the account has no provider of this issuer"
            raise InvalidInput([Problem("adopt", rule, issuer.url, "set adopt to False: the provider is then created")])
        missing = [audience for audience in audiences if audience not in provider["clientIdLists"]]
        if missing:
            fix = " and ".join(
                "`aws iam add-client-id-to-open-id-connect-provider "
                f"--open-id-connect-provider-arn {provider['arn']} --client-id {audience}`"
                for audience in missing
            )
            rule = f"must include {' and '.join(missing)} in the existing provider (IAM rejects other tokens)"
            raise InvalidInput([Problem("audiences", rule, list(provider["clientIdLists"]), f"run {fix}")])
        return provider

    def _reject_existing(self, name: str, subject: str) -> pulumi.ResourceHookBinding:
        async def reject(hooked: pulumi.ResourceHookArgs) -> None:
            url = (hooked.new_inputs or {}).get("url")
            if isinstance(url, str) and url.startswith("https://"):
                issuer = Issuer.parse(url)
                provider = await self._find(issuer)
                if provider is not None:
                    rule = (
                        f"must be an issuer without an OIDC provider in this account (IAM); existing: {provider['arn']}"
                    )
                    raise InvalidInputError([Problem("issuer", rule, issuer.url, _ADOPT)], subject=subject)

        is_new = preflight_hook("oidc-provider-is-new", ChildResource(self, PROVIDER, name), reject)
        return pulumi.ResourceHookBinding(before_create=[is_new])

    async def _find(self, issuer: Issuer) -> Mapping[str, Any] | None:
        try:
            return await invoke.invoke_or_none(LOOK_UP, {"url": issuer.url}, self)
        except invoke.InvokeError as error:
            diagnostics.warn(f"cannot verify whether {issuer.url} has an OIDC provider: {error}", self)
            return None


def _account_key(opts: pulumi.ResourceOptions | None) -> str:
    """Return the name of the aws provider, which stands for its account until that is resolved."""
    provider = find_provider("aws", opts)
    return "" if provider is None else provider._name  # noqa: SLF001 - Pulumi has no public name


def _declare_once(subject: str, account_key: str, issuer: Issuer) -> str:
    """Return the issuer's URL; raise `InvalidInput` if another component of this program creates its provider."""
    first = program_state.claim(subject, "oidc-provider", account_key, issuer.url)
    if first != subject:
        rule = "must have one OIDC provider in an account (IAM)"
        raise InvalidInput([Problem("", rule, issuer.url, f"remove it, and use that of {first}")])
    return issuer.url
