"""The glance command (python-glanceclient), which reads errors and schemas as no other client does."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
import yaml

from tests.builders.openstack import Done


class _Terminal(io.StringIO):
    """Nobody pipes data in."""

    def isatty(self) -> bool:
        """It is."""
        return True


class Glance:
    """The command with the credentials of a cloud of clouds.yaml."""

    def __init__(self, clouds: Path, home: Path) -> None:
        self.clouds, self.home = clouds, home

    def text(self, *words: str, cloud: str = "cloudweb") -> str:
        """Run it; return what it printed. Fails if the command did."""
        done = self.run(*words, cloud=cloud)
        assert done.code == 0, done.err
        return done.out

    def refusal(self, *words: str, cloud: str = "cloudweb") -> str:
        """Run it; return what it complained of. Fails if it succeeded."""
        done = self.run(*words, cloud=cloud)
        assert done.code != 0
        return done.err

    def shown(self, *words: str, cloud: str = "cloudweb") -> dict[str, str]:
        """Run it; return the table of two columns that it printed."""
        lines = [line.split("|") for line in self.text(*words, cloud=cloud).splitlines()]
        return {cells[1].strip(): cells[2].strip() for cells in lines if len(cells) == 4}

    def run(self, *words: str, cloud: str) -> Done:
        """Run it in this process, with a home of its own for the schemas that it keeps."""
        from glanceclient import exc
        from glanceclient.shell import OpenStackImagesShell

        auth = yaml.safe_load(self.clouds.read_text())["clouds"][cloud]["auth"]
        options = [
            f"--os-{name.replace('_', '-')}={value}"
            for name, value in auth.items()
            if name != "auth_url"
        ]
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setenv("HOME", str(self.home))
            patch.setattr("sys.argv", ["glance", *words])
            patch.setattr("sys.stdin", _Terminal())
            try:
                OpenStackImagesShell().main([f"--os-auth-url={auth['auth_url']}", *options, *words])
            except SystemExit as end:
                code = int(bool(end.code))
            except (exc.BaseException, exc.HTTPException) as error:
                code = 1
                err.write(f"{type(error).__name__}: {error}")
        return Done(code, out.getvalue(), err.getvalue())
