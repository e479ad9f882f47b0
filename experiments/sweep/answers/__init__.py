"""What a campaign says: means, effects, thresholds, sensitivities and remedies, each with its interval."""
