"""Relevance propagated from a logit down to the inputs."""
