"""Coupled power-transportation co-simulation: data, models and the message bus."""
