"""What something is called, or a sentence, in both languages of the wall."""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    """A text in Chinese and in English."""

    zh: str
    en: str

    def said_in(self, language: str) -> str:
        """Return it in one language, `zh` or `en`.

        >>> Name("环城路", "Ring Road").said_in("zh")
        '环城路'
        """
        return self.zh if language == "zh" else self.en
