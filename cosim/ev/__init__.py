"""The vehicle side: battery, mobility, charging demand."""
