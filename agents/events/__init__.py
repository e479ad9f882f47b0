"""The events of a scenario among the agents: one file for each family of kinds, and the room that makes them happen."""
