"""Programs, contracts, sample args, and readers of documents that tests of several folders use."""
