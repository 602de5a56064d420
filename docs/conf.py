"""Sphinx: Markdown pages by MyST, theme furo."""

from __future__ import annotations

project = "Cloudweb"
author = "The Cloudweb engineers"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Cloudweb"
exclude_patterns = ["_build"]
