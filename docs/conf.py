"""The documentation as a site: ``make docs``."""

import os

os.environ["PLOTLY_RENDERER"] = "notebook"
"""Figures of the notebook go into the page with all they need, so it opens without a network."""

project = "cosim"
extensions = ["myst_nb"]
root_doc = "index"
exclude_patterns = ["_build", "README.md"]
html_theme = "furo"
html_title = "cosim"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
suppress_warnings = [
    "myst.xref_missing",  # links to source files lead out of the site
    "misc.highlighting_failure",  # CSV has no colours
    "toc.multiple_toc_parents",
]
