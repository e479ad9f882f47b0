"""The figures of the report: each function builds one plotly figure from the tables of a day."""
