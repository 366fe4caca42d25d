"""What is said of pods' access to AWS, of workloads and of add-ons alike."""

from __future__ import annotations

from stacks.settings.models_from_args import Model


class PodSettings(Model):
    """Pods that get a role."""

    keep_irsa: bool = False
    """With `pod-identity`: the role trusts the cluster's OIDC provider too, for the time of a switch, in which pods
    that run already still use IRSA."""
    permissions_boundary: str | None = None
    """The managed policy that bounds what the role may ever do: its ARN, or its name in the environment's account.
    `defaults.permissions_boundary` where left out."""
    role_arn: str | None = None
    """A role that is made elsewhere. None is made here then, and nothing is said of one."""
    oidc_provider_arn: str | None = None
    """An OIDC provider in place of the account's own one for the cluster: for a role in another account, where the
    cluster's issuer is registered."""

    def needs_provider(self, mode: str) -> bool:
        """Whether the role trusts the account's OIDC provider for the cluster."""
        by_token = mode == "irsa" and self.role_arn is None
        return self.oidc_provider_arn is None and (by_token or self.keep_irsa)
