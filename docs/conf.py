"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build/html`. Needs no network."""

import fastdrop

project = "fastdrop"
author = "The fastdrop developers"
copyright = "2026, The fastdrop developers"
version = release = fastdrop.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build"]
nitpicky = False

# The reference is written page by page; numpydoc renders the docstrings' sections.
autosummary_generate = False
autodoc_typehints = "none"  # the docstrings say types, in more words than annotations can
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

html_theme = "alabaster"
html_theme_options = {
    "description": "Dropout on the CPU: exact, reproducible, at the speed of memory",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "sidebar_width": "240px",
}
html_title = f"fastdrop {release}"
html_show_sourcelink = False
