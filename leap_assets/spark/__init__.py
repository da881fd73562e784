"""The same graph on a Spark cluster, through Spark Connect: sessions, tables, and what runs on the workers.

Imported with LEAP_ENGINE=spark alone; needs the extra `spark`. What a line, a conflict or a mart is lives elsewhere:
the workers run the code that the embedded engine runs.
"""
