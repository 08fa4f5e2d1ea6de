"""How records travel between Kafka and a stage: our Faust transport, the ordinary one, Kafka's batches as columns."""
