"""Commands of the operator (`manage.py …`)."""
