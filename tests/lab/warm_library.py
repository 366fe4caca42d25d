"""What programs and dynamic providers load for their first call of AWS: the server of `warm_programs` runs this.

Only what does not depend on the environment: the library itself asks for its credentials at each program's start.
"""

import json

from eks_identity.clients.aws_sessions import Clients

_NOBODY = Clients("ap-northeast-1", json.dumps({"accessKey": "AKIAIOSFODNN7EXAMPLE", "secretKey": "example"}))
for _service in ("eks", "iam", "sts"):
    _NOBODY.client(_service)
