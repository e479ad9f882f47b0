"""The day of one EV, explained: ``record`` reproduces it from a run, ``facts`` lists it, ``words`` puts it in text."""
