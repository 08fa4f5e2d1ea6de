"""Let pytest say what was compared where a feed's promise is broken."""

import pytest

pytest.register_assert_rewrite("tests.streams.feeds.promises")
