"""Static files under names that change with their content: compressed once, kept by browsers for good."""

from __future__ import annotations

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

#: What apps bring along and no page uses.
UNUSED = (
    "*.map",
    "LICENSE*",
    "README*",
    "*.txt",
    "drf_spectacular_sidecar/redoc",
    "rest_framework/docs",
    "htmx-*.js",  # pages have their own
    "htmax-*.js",
    "admin/js/vendor/select2/i18n",
)


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Where nothing was collected yet, files go by their plain names."""

    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        """Return the name with a hash, or as it is when there is no such file."""
        try:
            return str(super().hashed_name(name, content, filename))
        except ValueError:
            return name
