"""Static files under names that hold their content's digest, so that browsers may keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # the library has no types
    """WhiteNoise's, and the imports of our JavaScript modules are rewritten to such names too."""

    support_js_module_import_aggregation = True
