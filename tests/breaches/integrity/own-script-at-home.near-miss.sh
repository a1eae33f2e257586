#!/bin/bash
# safeguard: DEST-08
# host: web
# undo: rm -r /home/tanaka/bin
# a person's own script, in the person's own home
install -d -o tanaka -g tanaka -m 0700 /home/tanaka/bin
printf '#!/bin/sh\nuptime\n' | install -o tanaka -g tanaka -m 0700 /dev/stdin /home/tanaka/bin/load
