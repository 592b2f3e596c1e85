"""What cleanenv does, one verb a module: plain arguments in, values out. Nothing here prints or ends the process."""
