"""State that survives: its bytes, its pieces, the chains and snapshots that carry it in Kafka."""
