"""The one exception type that stands for a user's mistake."""


class CaptwinError(Exception):
    """Something the user can mend; its message is one line: what is wrong, where, and how to mend it."""
