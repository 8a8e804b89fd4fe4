"""The values of every epoch in a file of text, one line each."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from minidl.callbacks.base import Callback, Logs
from minidl.checks import check_flag
from minidl.errors import ArgumentError, ArgumentTypeError, described

_MISSING = "NA"  # as in Keras; pandas and R read it as a missing number


class CSVLogger(Callback):
    """Write the logs of each epoch as a line of ``filename``: ``epoch``, counted from 0, then the names in alphabetical order.

    Args:
        filename: the file, replaced when the first epoch has ended. Missing folders are made.
        separator: one character between the columns.
        append: write behind the lines that are there, without another header.

    Numbers are written with all their digits, missing ones as NA. A line reaches the file at once and as a whole; where the
    disk is full, fit ends with OSError and the lines before stay. A column that is not in the header yet, as of another metric
    where a file is appended to, is added to it: the lines before get NA. Each ``fit`` begins a new file, or goes on with
    ``append=True``.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     logger = CSVLogger(os.path.join(folder, "log.csv"))
    ...     logger.params = {"metrics": ["loss", "val_loss"]}
    ...     logger.on_train_begin({})
    ...     logger.on_epoch_end(0, {"loss": 0.1, "val_loss": 0.25})
    ...     logger.on_epoch_end(1, {"loss": 0.05})
    ...     logger.on_train_end({})
    ...     with open(logger.filename) as file:
    ...         file.read().splitlines()
    ['epoch,loss,val_loss', '0,0.1,0.25', '1,0.05,NA']
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        if not isinstance(filename, (str, os.PathLike)) or not os.fspath(filename):
            raise ArgumentTypeError("CSVLogger", f"filename={described(filename)}", "the name of a file")
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ArgumentError("CSVLogger", f"separator={separator!r}", "one character, such as ',', ';' or '\\t'")
        self.filename, self.separator = os.fsdecode(filename), separator
        self.append = check_flag("CSVLogger", "append", append)
        self._stream: BinaryIO | None = None
        self._columns: list[str] = []

    def on_train_begin(self, logs: Logs) -> None:
        """Open the file. Raises OSError where that is impossible, ArgumentError for a file of something else."""
        self._close()
        self._columns = []
        if folder := os.path.dirname(self.filename):
            os.makedirs(folder, exist_ok=True)
        # What is there is kept until there is something to replace it with.
        self._stream = open(self.filename, "ab+", buffering=0)  # noqa: SIM115  (on_train_end closes it)
        if self.append and (rows := self._rows()):
            self._columns = rows[0]
            if "epoch" not in self._columns:
                received = f"append=True and {self.filename!r}, whose first line is {self.separator.join(rows[0])[:60]!r}"
                fix = "append=False, or the separator of that file"
                raise ArgumentError("CSVLogger", received, "a file that CSVLogger wrote, with the same separator", fix)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write a line."""
        later = [] if self._columns else [name for name in self.params["metrics"] if name.startswith("val_")]
        names = sorted({*logs, *later} - {"epoch"})  # validation may come in later epochs first
        new = [name for name in names if name not in self._columns]
        if not self._columns:
            self._columns = ["epoch", *new]
            self._truncate(0)
            self._write([self._columns])
        elif new:
            self._add_columns(new)
        self._write([[epoch if name == "epoch" else _plain(logs.get(name)) for name in self._columns]])

    def on_train_end(self, logs: Logs) -> None:
        """Close the file."""
        self._close()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_stream": None}  # a copy writes when its own fit begins

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _rows(self) -> list[list[str]]:
        text = Path(self.filename).read_bytes().decode("utf-8", "replace")
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=self.separator) if row]

    def _text(self, rows: Iterable[list[Any]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()

    def _write(self, rows: list[list[Any]]) -> None:
        """Whole lines in one call of the operating system, or none."""
        assert self._stream is not None
        text, size = self._text(rows), os.path.getsize(self.filename)
        if size and not self._ends_a_line(size):  # a machine that lost its power, or an editor
            text = b"\n" + text
        try:
            written = self._stream.write(text)
            if written != len(text):
                raise OSError(28, "No space left on device")
        except OSError as error:
            self._truncate(size)
            raise OSError(error.errno, error.strerror, self.filename) from error

    def _ends_a_line(self, size: int) -> bool:
        assert self._stream is not None
        self._stream.seek(size - 1)
        return self._stream.read(1) in (b"\n", b"\r")

    def _truncate(self, size: int) -> None:
        assert self._stream is not None
        with suppress(OSError):  # what cannot be cut is no regular file
            self._stream.truncate(size)

    def _add_columns(self, new: list[str]) -> None:
        """Write the file again, with more columns; it takes the place of the old one when it is whole."""
        self._columns += new
        _, *rows = self._rows()
        part = f"{self.filename}.{os.getpid()}.part"
        try:
            with open(part, "xb") as stream:
                stream.write(self._text([self._columns, *(row + [_MISSING] * (len(self._columns) - len(row)) for row in rows)]))
            self._close()
            os.replace(part, self.filename)
        finally:
            Path(part).unlink(missing_ok=True)
            self._close()
            self._stream = open(self.filename, "ab+", buffering=0)  # noqa: SIM115


def _plain(value: Any) -> Any:
    """The shortest text that gives the same number again."""
    if value is None:
        return _MISSING
    return value.tolist() if hasattr(value, "tolist") else value  # NumPy's numbers would not be written as numbers
