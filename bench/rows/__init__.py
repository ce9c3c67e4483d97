"""The rows of the table: each function measures one thing on a stage and returns its figures."""
