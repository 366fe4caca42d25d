"""IAM operations on OIDC providers, of which client ids can be added and removed. An account has at most 100.

moto adds and removes no client ids, and checks the number of thumbprints only of new providers.
"""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import EntityAlreadyExists, InvalidInput, LimitExceededException
from moto.iam.models import OpenIDConnectProvider
from moto.iam.responses import IamResponse

from lab.cloud import iam_input, iam_lookup, issuers

MAX_OIDC_PROVIDERS = 100
MAX_CLIENT_IDS = 100
"""Client ids of an OIDC provider."""
MAX_THUMBPRINTS = 5
"""Thumbprints of an OIDC provider. IAM's message says fewer than 5, and IAM allows five."""


class OidcProviderOperations(IamResponse):
    """The operations on OIDC providers."""

    def create_open_id_connect_provider(self) -> ActionResult:
        url = iam_input.normalize_provider_url(self._get_param("Url"))
        iam_input.check_tags(self._get_param("Tags", []))
        self.params["Url"] = url
        if iam_lookup.find_provider(self.current_account, self.partition, url):
            raise EntityAlreadyExists(f"Provider with url {url} already exists.")
        if len(self.backend.open_id_providers) >= MAX_OIDC_PROVIDERS:
            raise LimitExceededException(
                f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MAX_OIDC_PROVIDERS}"
            )
        if not self._get_param("ThumbprintList") and (thumbprint := issuers.fetch_thumbprint(url)):
            # "If it is not included, IAM will retrieve and use the top intermediate certificate authority (CA)
            # thumbprint": IAM API reference, CreateOpenIDConnectProvider. The lab reaches the issuers of its clusters.
            self.params["ThumbprintList"] = [thumbprint]
        return super().create_open_id_connect_provider()

    def delete_open_id_connect_provider(self) -> ActionResult:
        self._find_provider()
        return super().delete_open_id_connect_provider()

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._find_provider(), str(self._get_param("ClientID"))
        if client_id in provider.client_id_list:
            return EmptyResult()
        if len(provider.client_id_list) >= MAX_CLIENT_IDS:
            raise LimitExceededException(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MAX_CLIENT_IDS}")
        provider.client_id_list = [*provider.client_id_list, client_id]
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._find_provider(), str(self._get_param("ClientID"))
        provider.client_id_list = [entry for entry in provider.client_id_list if entry != client_id]
        return EmptyResult()

    def update_open_id_connect_provider_thumbprint(self) -> ActionResult:
        """Replace the thumbprints. moto checks them only when a provider is created."""
        if len(self._get_param("ThumbprintList")) > MAX_THUMBPRINTS:
            raise InvalidInput("Thumbprint list must contain fewer than 5 entries.")
        return super().update_open_id_connect_provider_thumbprint()

    def _find_provider(self) -> OpenIDConnectProvider:
        provider: OpenIDConnectProvider = self.backend.get_open_id_connect_provider(
            self._get_param("OpenIDConnectProviderArn")
        )
        return provider
