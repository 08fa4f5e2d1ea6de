"""The domains: one TOML each with its columns, and the schema that is read from it."""
