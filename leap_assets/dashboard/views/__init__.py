"""The pages of the dashboard: what each shows, and the queries behind it."""
