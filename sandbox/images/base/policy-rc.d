#!/bin/sh
# A package that is installed into an image must not start its service there (101: forbidden by policy).
exit 101
