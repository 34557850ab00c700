"""Conversion, inspection and comparison of files."""

import json
import os

from . import _native


def convert(
    input,
    output=None,
    *,
    target=None,
    rules=(),
    mode=None,
    compress=None,
    shuffle=False,
    chunk=None,
    block_size=None,
    repack=False,
    flat_links=False,
    portable=False,
    verify=None,
    unchanged=None,
    force=False,
    discard_replaced=False,
    keep_bad=False,
    backup_dir=None,
    trust_checksums=True,
    threads=None,
    progress=None,
):
    """Converts a file to what today's packages read; what ``jldconv convert`` does.

    The arguments are the command's flags, with the same values (``compress="zstd:3"``, ``mode="in-place"``,
    ``verify="content"``, ``chunk="256KiB"``); those that are not given are its defaults. ``output`` may
    be a directory. It appears under its name only when it is complete and checked. Without ``force``
    nothing is replaced. ``progress(phase, done, total)`` is called some times a second. Ctrl-C ends the
    conversion and leaves nothing behind.

    Returns the report as a dictionary: ``outcome`` (``"converted"`` or ``"unchanged"``), ``mode``,
    ``findings``, ``bytes_in``, ``bytes_out`` ... as ``jldconv convert --json`` prints it.
    """
    values = {
        "target": target,
        "mode": mode,
        "compress": compress,
        "chunk": chunk,
        "block-size": block_size,
        "verify": verify,
        "unchanged": unchanged,
        "backup-dir": None if backup_dir is None else os.fspath(backup_dir),
    }
    switches = {
        "shuffle": shuffle,
        "repack": repack,
        "flat-links": flat_links,
        "portable": portable,
        "force": force,
        "discard-replaced": discard_replaced,
        "keep-bad": keep_bad,
    }
    flags = [f"--{name}={value}" for name, value in values.items() if value is not None]
    flags += [f"--{name}" for name, on in switches.items() if on]
    flags += [f"--rules={rule}" for rule in _rules(rules)]
    if not trust_checksums:
        flags.append("--trust-checksums=no")
    if threads is not None and threads < 1:
        raise ValueError(f"threads: {threads} is not a number of threads")
    if mode == "in-place":
        if output is not None:
            raise ValueError("mode='in-place' changes the file itself: no output is named")
    elif output is None:
        raise ValueError("where does the output go? Name a file or a directory")
    elif os.path.isdir(output):
        output = os.path.join(output, os.path.basename(os.fspath(input)))
    return json.loads(_native.convert(input, output, flags, threads, progress))


def inspect(path, *, target=None, rules=(), full=False, trust_checksums=True):
    """What a file is, holds and needs, as ``jldconv inspect --json`` tells it: a dictionary with
    ``kind``, ``findings``, ``action``, ``data`` (of Mera files), ``tree`` ...

    Raises :class:`NotJLD2Error` or :class:`DamagedError` where the file cannot be read, with what it is
    instead.
    """
    return json.loads(_native.inspect(path, target, _rules(rules), full, trust_checksums))


def verify(old, new, *, target=None, rules=(), strict=False, trust_checksums=True):
    """Compares a file with what became of it, value by value, as ``jldconv verify --json`` tells it: a
    dictionary with ``equal``, ``verdict`` (``"equal"``, ``"explained"``, ``"different"``),
    ``differences`` ... With ``strict`` no rules explain anything.
    """
    if strict and (target is not None or rules):
        raise ValueError("strict lets no rules explain anything: neither target nor rules go with it")
    return json.loads(_native.verify(old, new, target, _rules(rules), strict, trust_checksums))


def _rules(rules):
    if isinstance(rules, (str, os.PathLike)):
        rules = (rules,)
    return [os.fspath(rule) for rule in rules]
