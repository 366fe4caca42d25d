"""Load the modules for the first AWS call of programs and dynamic providers. The server of `warm_programs` runs this.

Nothing here depends on the environment: the library itself resolves its credentials at each program's start.
"""

import json

from eks_identity.clients.aws_sessions import AwsClients

_EXAMPLE = AwsClients("ap-northeast-1", json.dumps({"accessKey": "AKIAIOSFODNN7EXAMPLE", "secretKey": "example"}))
for _service in ("eks", "iam", "sts"):
    _EXAMPLE.client(_service)
