"""Finished work on disk: pieces that are whole or absent, folders of one living process, and worker processes."""
