#!/usr/bin/env python
"""Django's command line. A wrong setting or an absent database is said in a line, without a traceback."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from assay.errors import AssayError

    try:
        execute_from_command_line(sys.argv)
    except (AssayError, OperationalError) as error:
        sys.exit(f"manage.py: {str(error).strip()}")
    except BrokenPipeError:  # whoever read it, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
