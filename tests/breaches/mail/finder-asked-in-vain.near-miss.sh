#!/bin/bash
# safeguard: LEAK-21
# host: mail
# undo: true
# A question that nobody signed is refused, an empty one too; the door is made anew meanwhile.
ask() {
  python3 -I -c 'import socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.settimeout(30)
    way.connect("/run/azukari-finder.socket")
    way.sendall(sys.argv[1].encode())
    way.shutdown(socket.SHUT_WR)
    print(way.makefile().read())' "$1"
}
ask '{"question": "{}", "signature": ""}' | grep -q refused
systemctl restart azukari-finder.socket
ask '' | grep -q refused
