"""AWS permissions: what the policies of IAM principals and of pods' sessions allow, in words and by meaning."""
