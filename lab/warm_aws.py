"""Loads what `aws` needs for a token and its first call: the process that its commands are forks of imports this.

It runs `aws eks get-token`, which makes no call to AWS. What botocore reads of the services meanwhile is kept for the
forks; the commands themselves are the vendor's, unchanged.
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from functools import cache
from typing import Any
from unittest import mock

import awscli.botocore.session
import awscli.clidriver

session: Any = awscli.botocore.session
session.create_loader = cache(session.create_loader)
_NOBODY = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
with mock.patch.dict(os.environ, _NOBODY), redirect_stdout(io.StringIO()):
    driver: Any = awscli.clidriver
    driver.create_clidriver().main(["eks", "get-token", "--cluster-name", "none", "--region", "us-east-1"])
