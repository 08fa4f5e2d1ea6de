"""The commands of `citywall`, one file each, found by its name. See `docs/development.md`, Commands."""
