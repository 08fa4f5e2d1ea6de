"""The command line: commands found by their file, and the tables and screens they print."""
