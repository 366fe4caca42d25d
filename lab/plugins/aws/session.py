"""The provider's configuration, and the boto3 clients for it.

All other settings come from the environment, as for any AWS SDK: proxy, CA bundle, credentials files. Settings that
would bypass the lab's proxy, or that have no effect in the lab, are rejected by name.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.errors import InvalidInputError, PluginError
from lab.plugins.values import UNKNOWN, contains_unknown
from lab.service_models import share

if TYPE_CHECKING:
    import boto3

_BYPASSES_PROXY: Final = "remove it: the lab's AWS is reached by its real host names, through the lab's proxy only"
_NOT_COVERED: Final = {
    "endpoints": _BYPASSES_PROXY,
    "httpProxy": _BYPASSES_PROXY,
    "httpsProxy": _BYPASSES_PROXY,
    "noProxy": _BYPASSES_PROXY,
    "insecure": _BYPASSES_PROXY,
    "customCaBundle": _BYPASSES_PROXY,
    "useFipsEndpoint": _BYPASSES_PROXY,
    "useDualstackEndpoint": _BYPASSES_PROXY,
    "ec2MetadataServiceEndpoint": _BYPASSES_PROXY,
    "ec2MetadataServiceEndpointMode": _BYPASSES_PROXY,
    "stsRegion": _BYPASSES_PROXY,
    "s3UsEast1RegionalEndpoint": _BYPASSES_PROXY,
    "tagPolicyCompliance": "remove it: the lab has no tag policies",
}
_TEXT: Final = frozenset({"accessKey", "secretKey", "token", "profile", "region", "retryMode"})
_LISTS: Final = frozenset({"allowedAccountIds", "forbiddenAccountIds", "sharedConfigFiles", "sharedCredentialsFiles"})
_STRUCTURED: Final = frozenset({"assumeRoles", "assumeRoleWithWebIdentity", "defaultTags", "ignoreTags"})
_SUPPORTED: Final = _TEXT | _LISTS | _STRUCTURED | {"maxRetries"}
# The stand-in does not perform the skipped steps, or only when a setting needs them.
_WITHOUT_EFFECT: Final = frozenset(
    {
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "s3UsePathStyle",
        "tokenBucketRateLimiterCapacity",
        "userAgents",
        "version",
        "pluginDownloadURL",
    },
)


def decoded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as values: the SDKs send all but strings as JSON text."""
    return {
        key: json.loads(value) if isinstance(value, str) and value and key not in _TEXT and key in _SUPPORTED else value
        for key, value in settings.items()
        if value is not None and not key.startswith("__")
    }


def problems(settings: Mapping[str, Any]) -> list[str]:
    """Return the problems in `settings`, one sentence each."""
    messages = []
    for key, value in settings.items():
        if key in _NOT_COVERED and value not in (None, "", False, "false"):
            messages.append(f"{key} of the aws provider is not covered by the lab's stand-in: {_NOT_COVERED[key]}")
        elif key not in _SUPPORTED | _WITHOUT_EFFECT | _NOT_COVERED.keys():
            messages.append(f"the aws provider has no setting {key}; it has {', '.join(sorted(_SUPPORTED))}")
    return messages


@dataclass(frozen=True)
class Settings:
    """The configuration of one aws provider."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Settings:
        """Parse the settings. Raises `InvalidInputError` with all problems."""
        if messages := problems(raw):
            raise InvalidInputError("the configuration of the aws provider", messages)
        return cls(decoded(raw))

    def default_tags(self) -> dict[str, Any]:
        tags = (self.values.get("defaultTags") or {}).get("tags") or {}
        return dict(tags)

    def ignored(self, key: str) -> bool:
        """Return whether the provider ignores the tag: it neither shows nor changes it."""
        ignore = self.values.get("ignoreTags") or {}
        return key in (ignore.get("keys") or ()) or key.startswith(tuple(ignore.get("keyPrefixes") or ()))


class Clients:
    """boto3 clients by service and region, created once and shared by all threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: boto3.Session | None = None
        self._account: str | None = None

    @property
    def region(self) -> str | None:
        """The provider's region; None if unresolved."""
        if contains_unknown(self.settings.values.get("region")):
            return None
        configured = self.settings.values.get("region") or os.environ.get("AWS_REGION")
        region: str | None = configured or self._base().region_name
        if not region:
            raise PluginError("the aws provider has no region", fix="set aws:region, or AWS_REGION in the environment")
        return region

    @property
    def partition(self) -> str:
        return str(self.session.get_partition_for_region(self.region or ""))

    @property
    def account(self) -> str:
        """The account of the credentials."""
        with self._lock:
            if self._account is None:
                self._account = str(self.client("sts").get_caller_identity()["Account"])
            return self._account

    @property
    def session(self) -> boto3.Session:
        with self._lock:
            if self._session is None:
                if contains_unknown(self.settings.values):
                    raise PluginError("the configuration of the aws provider is unresolved before the update")
                self._session = self._assumed(self._base())
            return self._session

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the client of `service` in `region`, by default the provider's."""
        from botocore.config import Config  # noqa: PLC0415 - botocore is loaded at the first call

        effective_region = region or self.region
        assert effective_region is not None
        with self._lock:
            if (service, effective_region) not in self._clients:
                config = Config(
                    retries={
                        "max_attempts": int(self.settings.values.get("maxRetries", 4)),
                        "mode": self.settings.values.get("retryMode") or "standard",
                    },
                )
                session: Any = self.session  # boto3-stubs type `client` by one literal a service
                self._clients[service, effective_region] = session.client(
                    service, region_name=effective_region, config=config
                )
            return self._clients[service, effective_region]

    def check_account(self) -> None:
        """Check the account against the provider's lists of allowed and forbidden accounts.

        Raises:
            PluginError: the account is not allowed, or it is forbidden.
        """
        allowed = self.settings.values.get("allowedAccountIds")
        forbidden = self.settings.values.get("forbiddenAccountIds")
        if allowed and self.account not in allowed:
            raise PluginError(f"AWS account {self.account} is not among allowedAccountIds: {', '.join(allowed)}")
        if forbidden and self.account in forbidden:
            raise PluginError(f"AWS account {self.account} is among forbiddenAccountIds")

    def _base(self) -> boto3.Session:
        import boto3  # noqa: PLC0415
        import botocore.session  # noqa: PLC0415

        values = self.settings.values
        core = botocore.session.Session(profile=values.get("profile") or None)
        share(core)
        for key, variable in (("sharedCredentialsFiles", "credentials_file"), ("sharedConfigFiles", "config_file")):
            if values.get(key):
                core.set_config_variable(variable, values[key][0])
        return boto3.Session(
            aws_access_key_id=values.get("accessKey") or None,
            aws_secret_access_key=values.get("secretKey") or None,
            aws_session_token=values.get("token") or None,
            region_name=None if values.get("region") is UNKNOWN else values.get("region") or None,
            botocore_session=core,
        )

    def _assumed(self, session: boto3.Session) -> boto3.Session:
        """Return the session after assuming the roles of `assumeRoles` in order, or of `assumeRoleWithWebIdentity`."""
        web = self.settings.values.get("assumeRoleWithWebIdentity")
        if web:
            token = web.get("webIdentityToken") or _read(web["webIdentityTokenFile"])
            request = {"WebIdentityToken": token, **_assume_role_request(web)}
            session = self._with(session, self._sts(session).assume_role_with_web_identity(**request))
        for role in self.settings.values.get("assumeRoles") or ():
            session = self._with(session, self._sts(session).assume_role(**_assume_role_request(role)))
        return session

    def _sts(self, session: boto3.Session) -> Any:
        return session.client("sts", region_name=self.region)

    def _with(self, session: boto3.Session, response: Mapping[str, Any]) -> boto3.Session:
        import boto3  # noqa: PLC0415

        credentials = response["Credentials"]
        return boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=session.region_name,
        )


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read().strip()


def _assume_role_request(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return STS's request for an assumeRole block."""
    request = {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName") or "pulumi",
        "ExternalId": role.get("externalId"),
        "DurationSeconds": _seconds(role["duration"]) if role.get("duration") else None,
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or ()],
        "SourceIdentity": role.get("sourceIdentity"),
        "Tags": [{"Key": key, "Value": value} for key, value in (role.get("tags") or {}).items()],
        "TransitiveTagKeys": role.get("transitiveTagKeys"),
    }
    return {key: value for key, value in request.items() if value}


def _seconds(duration: str) -> int:
    """Return the seconds of a duration in Go's notation: `1h30m`."""
    units = {"h": 3600, "m": 60, "s": 1}
    total, number = 0, ""
    for character in duration:
        if character.isdigit():
            number += character
        elif character in units and number:
            total, number = total + int(number) * units[character], ""
        else:
            raise PluginError(f"duration {duration!r} of an assumeRole block must be written like 1h30m")
    return total
