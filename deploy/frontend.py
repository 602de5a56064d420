"""Copy what the pages use from node_modules to static/vendor, and draw the icon sprite.

Pages show an icon of ``static/icons.txt`` by
``<svg class="icon"><use href="/static/vendor/icons.svg#server"/></svg>``.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "@xterm/xterm/css/xterm.css": "xterm.css",
    "@xterm/xterm/lib/xterm.mjs": "xterm.mjs",
    "@xterm/addon-fit/lib/addon-fit.mjs": "addon-fit.mjs",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "idiomorph/dist/idiomorph-ext.min.js": "idiomorph-ext.min.js",
}
#: Whole directories of modules that import each other.
TREES = {"@novnc/novnc/core": "novnc/core", "@novnc/novnc/vendor": "novnc/vendor"}
ICONS = MODULES / "@tabler/icons/icons/outline"


def sprite(names: list[str]) -> str:
    """Return one SVG with a symbol for each icon; exit with a sentence for a name that is none."""
    symbols = []
    for name in names:
        source = ICONS / f"{name}.svg"
        if not source.exists():
            sys.exit(f"static/icons.txt names {name!r}, and there is no such icon.")
        shape = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text(), re.DOTALL)
        if shape is None:
            sys.exit(f"{source} is not an SVG picture.")
        drawn = re.sub(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "", shape[1])
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
            f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{drawn}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"


def main() -> None:
    """Fill static/vendor anew."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in FILES.items():
        shutil.copyfile(MODULES / source, VENDOR / target)
    for source, target in TREES.items():
        shutil.copytree(MODULES / source, VENDOR / target, dirs_exist_ok=True)
    names = (ROOT / "static" / "icons.txt").read_text().split()
    (VENDOR / "icons.svg").write_text(sprite(names))


if __name__ == "__main__":
    main()
