"""Program with one resource, which fails or waits by the config, and with secret outputs."""

import pulumi
from wait import Wait

config = pulumi.Config()
if config.get_bool("broken"):
    raise ValueError("the program is broken on purpose")
Wait("waits", config.get("until"), pulumi.ResourceOptions(protect=config.get_bool("protected") or None))
pulumi.export("greeting", "hello")
pulumi.export("password", pulumi.Output.secret("s3cret"))
secret = pulumi.Output.secret("s3cret")
pulumi.export("users", {"me": {"name": "me", "password": secret}, "tokens": [secret]})
