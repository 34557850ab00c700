"""The manual's page: its blocks are one session and do what they say."""

import doctest
import shutil

from conftest import DATA, ROOT

PAGE = ROOT / "docs" / "python-package.md"


def blocks(page):
    """Blocks of Python, each with the line that it begins at."""
    out, block, start = [], None, 0
    for number, line in enumerate(page.splitlines(), 1):
        if block is None and line.strip() in ("```python", "```pycon"):
            block, start = [], number
        elif block is not None and line.strip() == "```":
            out.append((start, "\n".join(block) + "\n"))
            block = None
        elif block is not None:
            block.append(line)
    return out


def test_each_block_of_the_tutorial_runs(tmp_path, monkeypatch):
    shutil.copy2(DATA / "mera" / "e4b-lz4" / "output_00100.jld2", tmp_path)
    shutil.copy2(DATA / "zoo" / "jld2-0.6.5-zstd.jld2", tmp_path / "zoo.jld2")
    frames = ROOT / "crates" / "jld2" / "tests" / "data" / "data_frames.jld2"
    shutil.copy2(frames, tmp_path / "frames.jld2")
    monkeypatch.chdir(tmp_path)
    session, parser = {"__name__": "__main__"}, doctest.DocTestParser()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    tried = 0
    for line, text in blocks(PAGE.read_text()):
        test = parser.get_doctest(text, session, f"line {line}", str(PAGE), line)
        tried += len(test.examples)
        runner.run(test, clear_globs=False)
        session.update(test.globs)
    assert runner.summarize(verbose=False).failed == 0
    assert tried > 20
