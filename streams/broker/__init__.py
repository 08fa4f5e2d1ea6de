"""Kafka as a server: topics, whether it answers, where partitions end, what is sent to it."""
