"""The provider's configuration, and the boto3 clients that it leads to.

Everything else comes from the environment, as for any AWS SDK: proxy, CA bundle, credentials files. Settings that would
lead past the lab's proxy, or that change nothing here, are refused by name.
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

_PAST_THE_PROXY: Final = "leave it out: the lab's AWS is reached by its real host names, through the lab's proxy alone"
_REFUSED: Final = {
    "endpoints": _PAST_THE_PROXY,
    "httpProxy": _PAST_THE_PROXY,
    "httpsProxy": _PAST_THE_PROXY,
    "noProxy": _PAST_THE_PROXY,
    "insecure": _PAST_THE_PROXY,
    "customCaBundle": _PAST_THE_PROXY,
    "useFipsEndpoint": _PAST_THE_PROXY,
    "useDualstackEndpoint": _PAST_THE_PROXY,
    "ec2MetadataServiceEndpoint": _PAST_THE_PROXY,
    "ec2MetadataServiceEndpointMode": _PAST_THE_PROXY,
    "stsRegion": _PAST_THE_PROXY,
    "s3UsEast1RegionalEndpoint": _PAST_THE_PROXY,
    "tagPolicyCompliance": "leave it out: the lab has no tag policies",
}
_TEXT: Final = frozenset({"accessKey", "secretKey", "token", "profile", "region", "retryMode"})
_LISTS: Final = frozenset({"allowedAccountIds", "forbiddenAccountIds", "sharedConfigFiles", "sharedCredentialsFiles"})
_STRUCTURED: Final = frozenset({"assumeRoles", "assumeRoleWithWebIdentity", "defaultTags", "ignoreTags"})
_HONOURED: Final = _TEXT | _LISTS | _STRUCTURED | {"maxRetries"}
# What these skip is not done here in the first place, or is done only where a setting needs it.
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
    """Settings as values: the SDKs send all but strings as JSON text."""
    return {
        key: json.loads(value) if isinstance(value, str) and value and key not in _TEXT and key in _HONOURED else value
        for key, value in settings.items()
        if value is not None and not key.startswith("__")
    }


def problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with `settings`, one sentence each."""
    found = []
    for key, value in settings.items():
        if key in _REFUSED and value not in (None, "", False, "false"):
            found.append(f"{key} of the aws provider is not covered by the lab's stand-in: {_REFUSED[key]}")
        elif key not in _HONOURED | _WITHOUT_EFFECT | _REFUSED.keys():
            found.append(f"the aws provider has no setting {key}; it has {', '.join(sorted(_HONOURED))}")
    return found


@dataclass(frozen=True)
class Settings:
    """The configuration of one aws provider."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Settings:
        """Raises `InvalidInputError` with every setting that is refused."""
        if found := problems(raw):
            raise InvalidInputError("the configuration of the aws provider", found)
        return cls(decoded(raw))

    def default_tags(self) -> dict[str, Any]:
        tags = (self.values.get("defaultTags") or {}).get("tags") or {}
        return dict(tags)

    def ignored(self, key: str) -> bool:
        """Whether the tag is somebody else's business: neither shown nor changed."""
        ignore = self.values.get("ignoreTags") or {}
        return key in (ignore.get("keys") or ()) or key.startswith(tuple(ignore.get("keyPrefixes") or ()))


class Clients:
    """boto3 clients by service and region, made once and shared by all threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session: boto3.Session | None = None
        self._account: str | None = None

    @property
    def region(self) -> str | None:
        """The provider's region; None where it is not known yet."""
        if contains_unknown(self.settings.values.get("region")):
            return None
        given = self.settings.values.get("region") or os.environ.get("AWS_REGION")
        region: str | None = given or self._base().region_name
        if not region:
            raise PluginError("the aws provider has no region", fix="set aws:region, or AWS_REGION in the environment")
        return region

    @property
    def partition(self) -> str:
        return str(self.session.get_partition_for_region(self.region or ""))

    @property
    def account(self) -> str:
        """The account that the credentials belong to."""
        with self._lock:
            if self._account is None:
                self._account = str(self.client("sts").get_caller_identity()["Account"])
            return self._account

    @property
    def session(self) -> boto3.Session:
        with self._lock:
            if self._session is None:
                if contains_unknown(self.settings.values):
                    raise PluginError("the configuration of the aws provider is not known before the update")
                self._session = self._assumed(self._base())
            return self._session

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of `service` in `region`, by default the provider's."""
        from botocore.config import Config  # noqa: PLC0415 - a plugin that is only asked for its version stays light

        where = region or self.region
        assert where is not None
        with self._lock:
            if (service, where) not in self._clients:
                config = Config(
                    retries={
                        "max_attempts": int(self.settings.values.get("maxRetries", 4)),
                        "mode": self.settings.values.get("retryMode") or "standard",
                    },
                )
                session: Any = self.session  # boto3-stubs type `client` by one literal a service
                self._clients[service, where] = session.client(service, region_name=where, config=config)
            return self._clients[service, where]

    def check_account(self) -> None:
        """Hold the account against the provider's lists.

        Raises:
            PluginError: the account is not allowed, or forbidden.
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
        """The session after every role of `assumeRoles`, in their order, or of `assumeRoleWithWebIdentity`."""
        web = self.settings.values.get("assumeRoleWithWebIdentity")
        if web:
            token = web.get("webIdentityToken") or _read(web["webIdentityTokenFile"])
            asked = {"WebIdentityToken": token, **_asked(web)}
            session = self._with(session, self._sts(session).assume_role_with_web_identity(**asked))
        for role in self.settings.values.get("assumeRoles") or ():
            session = self._with(session, self._sts(session).assume_role(**_asked(role)))
        return session

    def _sts(self, session: boto3.Session) -> Any:
        return session.client("sts", region_name=self.region)

    def _with(self, session: boto3.Session, answer: Mapping[str, Any]) -> boto3.Session:
        import boto3  # noqa: PLC0415

        credentials = answer["Credentials"]
        return boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=session.region_name,
        )


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read().strip()


def _asked(role: Mapping[str, Any]) -> dict[str, Any]:
    """An assumeRole block as STS's request."""
    asked = {
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
    return {key: value for key, value in asked.items() if value}


def _seconds(duration: str) -> int:
    """Go's way to write a duration: `1h30m`."""
    units = {"h": 3600, "m": 60, "s": 1}
    total, number = 0, ""
    for character in duration:
        if character.isdigit():
            number += character
        elif character in units and number:
            total, number = total + int(number) * units[character], ""
        else:
            raise PluginError(f"duration {duration!r} of an assumeRole block is not written like 1h30m")
    return total
