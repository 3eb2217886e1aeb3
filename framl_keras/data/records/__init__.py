"""Files of records: how they are framed, what a record holds, and where each one is."""
