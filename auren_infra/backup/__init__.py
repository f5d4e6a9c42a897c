"""The backups of PostgreSQL: makes one, lists what the bucket holds, judges it, restores it for practice.

The programs are on the machine (`auren-backup`). Here is what people call. `listing` reads what pgBackRest tells of the
bucket, `table` prints it, `judge` says what is wrong with it. All three are pure.
"""
