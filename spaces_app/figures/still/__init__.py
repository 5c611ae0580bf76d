"""Still pictures of figures: drawings as SVG, PDF, PNG and LaTeX."""
