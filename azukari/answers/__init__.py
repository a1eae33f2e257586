"""What visitors wrote, from the database to the office: sealed in files, open in the office's memory alone."""
