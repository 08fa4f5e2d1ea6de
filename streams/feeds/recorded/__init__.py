"""A city folder with its recorded inbox records, replayed as a feed.

in      the files of a city folder, and `<domain>.ndjson[.gz]` beside them: inbox records, a line each, as they arrived
out     city.inbox.v1.<domain> with marks; city.clock.v1
state   none of its own: the newest record of each inbox partition says how far it has come
drops   nothing of the chosen period: what cannot be read goes out as it stands, for intake to judge
source  own choice; docs/replay.md
"""

from streams.feeds.recorded.lines import ENDINGS, line_files
from streams.feeds.recorded.plan import RecordsPlan, copy_city, prepare

__all__ = ["ENDINGS", "RecordsPlan", "copy_city", "line_files", "prepare"]
