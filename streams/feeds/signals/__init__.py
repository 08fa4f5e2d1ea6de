"""Official warning signals: CAP documents of the authorities that issue them, fetched, read, placed, told as findings.

Belongs here: what others warn of. Does not: warnings of our own (`alerts.cap`), what becomes of a finding (`alerts`).
"""
