"""Load the modules that `aws` needs for a token and its first call. The prefork server of `aws` imports this module.

It runs `aws eks get-token`, which makes no call to AWS. The forks reuse the service models that botocore reads
meanwhile, and those that are loaded below. The commands themselves are AWS's own, unchanged.
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from functools import cache, partial
from typing import Any
from unittest import mock

import awscli.clidriver
import awscli.customizations.assumerole

# awscli's own copies, because awscli is imported first. `awscli.botocore.session` would be another module.
import botocore.hooks
import botocore.session

session: Any = botocore.session
session.create_loader = cache(session.create_loader)
# It inspects the signature of a handler. A command registers the same 370 handlers as every other command.
hooks: Any = botocore.hooks
hooks.accepts_kwargs = cache(hooks.accepts_kwargs)
# Sessions of roles are cached in the HOME of each command. awscli reads it when it is imported, which is the server's.
assumerole: Any = awscli.customizations.assumerole
assumerole.JSONFileCache = partial(
    lambda file_cache, _: file_cache(os.path.expanduser("~/.aws/cli/cache")),  # noqa: PTH111 - what awscli expects
    assumerole.JSONFileCache,
)
_EXAMPLE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
with mock.patch.dict(os.environ, _EXAMPLE_CREDENTIALS), redirect_stdout(io.StringIO()):
    driver: Any = awscli.clidriver
    driver.create_clidriver().main(["eks", "get-token", "--cluster-name", "none", "--region", "us-east-1"])

_loader: Any = session.create_loader(os.environ["AWS_DATA_PATH"])
for _service, _models in {
    "eks": ("paginators-1", "endpoint-rule-set-1"),
    "iam": ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"),
    "sts": ("paginators-1",),
}.items():
    for _model in _models:
        _loader.load_service_model(_service, _model)
