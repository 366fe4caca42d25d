"""The IAM OIDC provider of a cluster: what makes an account believe the tokens that the cluster gives to its pods."""

from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import tags
from eks_identity.model.issuers import Issuer
from eks_identity.model.partitions import AWS
from eks_identity.runtime import diagnostics, invoke, program_state
from eks_identity.runtime.inputs import Inputs, InvalidInputError, refusing
from eks_identity.runtime.resource_hooks import Child, hook

LOOK_UP = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"
ADOPT_IT = "set adopt to True: it is then used as it is, and never deleted"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


class OidcProviderArgs(TypedDict):
    """The issuer that an account is to trust."""

    issuer: pulumi.Input[str]
    """`Cluster.issuer`, with or without `https://`."""
    adopt: NotRequired[bool]
    """Use the provider that the account has for this issuer; it is looked up, and never changed or deleted."""
    audiences: NotRequired[list[str]]
    """The audiences that are trusted; else `sts.amazonaws.com` alone, which pods ask for in every partition."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the provider, at most 50. One that is adopted keeps its own."""


class OidcProvider(pulumi.ComponentResource):
    """The IAM OIDC provider of an issuer: made here, or adopted. There is one an issuer and account, at most.

    Made without a thumbprint: IAM does not need one for EKS, and finding one out takes a connection while the program
    runs. Making one that the account has already is refused at preview; so is adopting one that it has not, or that
    does not trust the audience. At most 100 providers an account (IAM).

    Source: EKS user guide, "Create an IAM OIDC provider for your cluster".
    """

    arn: pulumi.Output[str]
    """The provider's ARN in IAM."""
    issuer: pulumi.Output[str]
    """With `https://`."""
    audiences: pulumi.Output[list[str]]
    """The audiences that it trusts."""

    def __init__(self, name: str, args: OidcProviderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        subject = f'OidcProvider "{name}"'
        with Inputs(subject, args, OidcProviderArgs) as inputs:
            parsed = inputs.take_public("issuer", args["issuer"], Issuer.parse)
            audiences = args.get("audiences", [AWS.sts_audience])
            if not audiences or not all(audiences):
                rule = "at least one, and none of them empty"
                inputs.problems.add("audiences", rule, audiences, f"write {AWS.sts_audience}")
            inputs.problems.extend(tags.problems(args.get("tags", {})), "tags")

        super().__init__("eks-identity:index:OidcProvider", name, {}, opts)
        issuer = pulumi.Output.from_input(parsed)
        self.issuer = issuer.apply(lambda known: known.url)
        if args.get("adopt", False):

            async def adopted(known: Issuer) -> dict[str, Any]:
                return _trusting(known, audiences, await self._find(known))

            found: pulumi.Output[dict[str, Any]] = refusing(issuer, adopted, subject)
            self.arn = found.apply(lambda known: str(known["arn"]))
            self.audiences = found.apply(lambda known: list(known["clientIdLists"]))
        else:
            made = aws.iam.OpenIdConnectProvider(
                name,
                url=refusing(issuer, partial(self._once, subject), subject),
                client_id_lists=audiences,
                tags=inputs.texts("tags", args["tags"]) if "tags" in args else None,
                opts=pulumi.ResourceOptions(parent=self, hooks=self._refuse_to_make_a_second(name, subject)),
            )
            self.arn = made.arn
            self.audiences = made.client_id_lists.apply(list)
        self.register_outputs({"arn": self.arn, "issuer": self.issuer, "audiences": self.audiences})

    def _once(self, subject: str, issuer: Issuer) -> str:
        """The issuer's URL; refused where this program makes the same account's provider for it elsewhere."""
        provider = self.get_provider("aws:index:Any")
        account = "" if provider is None else provider._name  # noqa: SLF001 - Pulumi has no public name
        first = program_state.claim(subject, "oidc-provider", account, issuer.url)
        if first != subject:
            rule = "an account has one OIDC provider for an issuer (IAM)"
            raise InvalidInput([Problem("issuer", rule, issuer.url, f"take it out, and use that of {first}")])
        return issuer.url

    def _refuse_to_make_a_second(self, name: str, subject: str) -> pulumi.ResourceHookBinding:
        async def refuse(hooked: pulumi.ResourceHookArgs) -> None:
            url = (hooked.new_inputs or {}).get("url")
            if isinstance(url, str) and url.startswith("https://"):
                issuer = Issuer.parse(url)
                found = await self._find(issuer)
                if found is not None:
                    rule = f"must be an issuer without an OIDC provider in this account (IAM), and has {found['arn']}"
                    raise InvalidInputError([Problem("issuer", rule, issuer.url, ADOPT_IT)], subject=subject)

        return pulumi.ResourceHookBinding(
            before_create=[hook("oidc-provider-is-new", Child(self, PROVIDER, name), refuse)]
        )

    async def _find(self, issuer: Issuer) -> dict[str, Any] | None:
        try:
            return await invoke.invoke_or_none(LOOK_UP, {"url": issuer.url}, self)
        except invoke.InvokeError as error:
            diagnostics.warn(f"cannot see whether there is an OIDC provider for {issuer.url}: {error}", self)
            return None


def _trusting(issuer: Issuer, audiences: list[str], found: dict[str, Any] | None) -> dict[str, Any]:
    """`found`, refused where there is nothing to adopt or it does not trust the audiences."""
    if found is None:
        rule = "there is a provider to adopt in the account"
        raise InvalidInput([Problem("adopt", rule, issuer.url, "set adopt to False: it is then made")])
    missing = [audience for audience in audiences if audience not in found["clientIdLists"]]
    if missing:
        fix = " and ".join(
            "`aws iam add-client-id-to-open-id-connect-provider "
            f"--open-id-connect-provider-arn {found['arn']} --client-id {audience}`"
            for audience in missing
        )
        rule = f"the adopted provider trusts {' and '.join(missing)} (IAM: tokens for other audiences are refused)"
        raise InvalidInput([Problem("audiences", rule, list(found["clientIdLists"]), f"run {fix}")])
    return found
