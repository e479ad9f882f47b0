"""What people run: the command line, runs, comparisons, reports."""
