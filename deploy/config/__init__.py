"""What a user sets, what a run is, and the processors that are found: everything a part is told."""
