"""What can go wrong beside Python's own errors.

A file that is not there or may not be read raises ``OSError``'s kinds (``FileNotFoundError``,
``PermissionError``), a name that is not there ``KeyError``, a closed file ``ValueError``.
"""


class Error(Exception):
    """Something is wrong with a file, or with what was asked of it."""


class NotJLD2Error(Error):
    """The file is something else than JLD2."""


class DamagedError(Error):
    """The file contradicts its format: damaged, cut short, or never closed."""


class UnsupportedError(Error):
    """It may be fine, but is nothing that this package reads or converts."""


class TooLargeError(Error, MemoryError):
    """A value takes more memory than it may, or an array more than there is."""


class QueryError(Error, ValueError):
    """A condition, quantity, unit or region that is not one."""


class NoTableError(Error, LookupError):
    """There is no table where one was asked for."""


class ConversionError(Error):
    """A conversion did not come to its end; nothing is left under the output's name."""


class ConflictError(ConversionError, FileExistsError):
    """The output exists, and may not be replaced."""
