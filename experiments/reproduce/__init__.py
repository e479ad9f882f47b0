"""The paper reproduced: its case, its statements, its errata, on one page."""
