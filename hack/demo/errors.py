"""What may go wrong in a demo, in words that are shown without a traceback."""


class DemoError(Exception):
    """Something that the user can read and act on."""
