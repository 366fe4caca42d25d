"""An editor for `kubectl edit configmap aws-auth`: removes the entries of one ARN, as a user does."""

import sys
from pathlib import Path

import yaml

arn, file = sys.argv[1], Path(sys.argv[2])
document = yaml.safe_load(file.read_text())
for key, field in (("mapRoles", "rolearn"), ("mapUsers", "userarn")):
    entries = yaml.safe_load(document["data"].get(key, "[]"))
    document["data"][key] = yaml.safe_dump([entry for entry in entries if entry[field] != arn])
file.write_text(yaml.safe_dump(document))
