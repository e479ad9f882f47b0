"""The day of one EV, explained: ``record`` finds it in a run, ``facts`` lists it, ``words`` tells it."""
