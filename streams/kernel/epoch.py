"""Which whole numbers are epoch milliseconds: shared by the compiled reader of times and the one in Python."""

LEAST_AT_MS = 10**11
"""March 1973. Anything below is epoch seconds, whatever it says."""
MOST_AT_MS = 253_402_300_799_999
"""The last millisecond of the year 9999. Anything above is epoch microseconds or nanoseconds."""
