"""What goes on inside: hidden states, neurons, feed-forward outputs."""
