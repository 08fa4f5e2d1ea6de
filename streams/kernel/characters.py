"""The bytes that JSON is made of, as numbers."""

QUOTE, BACKSLASH, COMMA, COLON, MINUS, PLUS, DOT = b'"\\,:-+.'
OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST = b"{}[]"
ZERO, NINE, LOWER_E, LOWER_T, LOWER_Z = b"09etz"
SPACE, TAB, NEWLINE, RETURN = b" \t\n\r"
TO_LOWER = 32
"""Set in a letter's byte, it makes it lower case."""
FIRST_PRINTABLE = 32
"""JSON strings hold no byte below it."""
N, U, L = b"nul"
