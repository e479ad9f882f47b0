"""The road side: network, paths, link times, route choice, stochastic user equilibrium."""
