"""The one exception type that stands for a user's mistake."""


class CaptwinError(Exception):
    """Something the user can mend; its message is one line: what is wrong, where, and how to mend it.

    Messages quote files and their names. Whatever those hold, as text it is one line without control characters.
    """

    def __str__(self) -> str:
        text = super().__str__()
        return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
