"""Room 5: what it means. Reads run.json (the schema and nothing else) and draws: figures, tables, one self-contained HTML report."""
