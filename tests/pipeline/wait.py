"""A dynamic resource whose creation waits for a file."""

import time
from pathlib import Path

from pulumi import dynamic


class _WaitProvider(dynamic.ResourceProvider):
    def create(self, props):
        if props.get("until"):
            Path(props["until"] + ".started").touch()
            while not Path(props["until"]).exists():
                time.sleep(0.02)
        return dynamic.CreateResult("wait", props)


class Wait(dynamic.Resource):
    def __init__(self, name, until, opts):
        super().__init__(_WaitProvider(), name, {"until": until}, opts)
