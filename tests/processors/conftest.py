"""Let pytest say what was compared where a promise is broken."""

import pytest

for name in ("contract", "promises_edits", "promises_first", "promises_second", "promises_stage"):
    pytest.register_assert_rewrite(f"tests.processors.{name}")
