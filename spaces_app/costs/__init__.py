"""What a question takes: token counts, terms of cost, a model's speed, limits."""
