"""Around the page: what is served, refused, cached and warmed up."""
