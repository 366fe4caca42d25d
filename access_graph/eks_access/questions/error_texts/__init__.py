"""The error texts that `explain` recognizes, by the client or service that prints them."""
