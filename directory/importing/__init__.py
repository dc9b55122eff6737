"""The import of members: workbook → columns → checking → applying. The first three never write to the directory."""
