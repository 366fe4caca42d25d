"""People into the cluster: who is let in, by which way, and what may not be taken away."""
