"""The second level: processors that read metrics of all zones."""
