"""Evaluation: metrics, the figures of a scorecard, the classifier in whose features they are taken, and scorecards."""
