"""Attention weights and the values they weigh."""
