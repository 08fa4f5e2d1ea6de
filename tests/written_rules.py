"""A rule's record as somebody would write it, for tests of rules of one's own."""

RECORD_KEYS = """\
title = { zh = "浓雾", en = "Dense fog" }
owner = { zh = "交警", en = "Police" }
time_to_respond_s = 900
cause = { zh = "雾", en = "Fog" }
consequence = { zh = "追尾", en = "Pile-ups" }
action = { zh = "封路", en = "Close the road" }
"""
RECORD = f"record = {{ {', '.join(RECORD_KEYS.splitlines())} }}\n"
"""The same in one line."""
