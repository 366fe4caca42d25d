"""Load the modules that a plugin needs for its first call. The prefork server of the plugins imports this module."""

from __future__ import annotations

import botocore.session
import h2.connection
import httpcore2
import lightkube.config.client_adapter
import lightkube.config.kubeconfig
import msgspec

from lab.service_models import share

__all__ = ["h2", "httpcore2", "lightkube", "msgspec"]

_session = botocore.session.Session()
share(_session)
for _service in ("eks", "iam", "sts"):
    _session.create_client(
        _service,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="example",  # noqa: S106 - nothing is called with it
    )
