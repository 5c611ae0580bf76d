"""Sources of tables: rows of files and data sets."""
