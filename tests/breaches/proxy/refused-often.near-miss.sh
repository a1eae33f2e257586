#!/bin/bash
# safeguard: USE-06
# host: bastion
# undo: true
# asked for and refused is what the list is for
python3 -I - <<'ASK'
import socket
for number in range(20):
    with socket.create_connection((socket.gethostbyname(socket.gethostname()), 3128), 3) as one:
        one.sendall(b"CONNECT paste%d.example.net:443 HTTP/1.1\r\nHost: paste.example.net\r\n\r\n" % number)
        one.recv(64)
ASK
