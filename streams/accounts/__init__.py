"""Where every reading went: counters of feeds, stages and zones by the hour, and the audit that balances them. Pure."""
