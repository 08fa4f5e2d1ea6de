"""What the wall exports for Prometheus: one table of metrics, read from the live state when it is asked.

Pulses and books come to the live state from every process, wherever it runs, so one scrape of the wall covers a city.
"""
