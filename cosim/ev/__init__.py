"""Electric vehicles: battery, mobility models, charging behaviour and charging demand."""
