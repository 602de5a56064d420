"""Every case of a drill begins with the disk that the one before it began with."""

from __future__ import annotations

from pathlib import Path

from operations.testing.rows import Disk


def _seen(home: Path) -> dict[str, tuple[int, object]]:
    return {
        str(path.relative_to(home)): (
            path.lstat().st_mode,
            path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes(),
        )
        for path in home.rglob("*")
    }


def test_whatever_was_done_to_it_is_undone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "kept" / "deep").mkdir(parents=True)
    for name in ("same", "other", "gone", "mode", "file", "kept/deep/far"):
        (home / name).write_text("old")
    (home / "empty").mkdir()
    (home / "link").symlink_to("same")
    (home / "lost").symlink_to("nowhere")
    (home / "turned").symlink_to("same")
    before, disk = _seen(home), Disk(home, tmp_path / "aside")
    same = (home / "same").stat().st_ino
    (home / "other").write_text("new")  # as long, and in the same tick of the clock
    (home / "gone").unlink()
    (home / "mode").chmod(0o600)
    (home / "file").unlink()
    (home / "file").mkdir()
    (home / "file" / "inside").write_text("new")
    (home / "empty").rmdir()
    (home / "empty").write_text("new")
    (home / "link").unlink()
    (home / "turned").unlink()
    (home / "turned").symlink_to("gone")
    (home / "kept" / "deep" / "far").unlink()
    (home / "kept" / "deep" / "far").symlink_to("nowhere")
    (home / "fresh" / "deep").mkdir(parents=True)
    (home / "kept" / "more").write_text("new")
    disk.restore()
    assert _seen(home) == before
    assert (home / "same").stat().st_ino == same
