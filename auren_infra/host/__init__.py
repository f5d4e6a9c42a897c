"""What is done on the machine, over SSH: components over pulumi-command."""
