#!/bin/bash
# safeguard: LEAK-05
# host: mail
# undo: mv /root/near-miss.json /etc/azukari/letters/letters.json && systemctl restart azukari-letters.service
# what the program does anyway, written down
cp -p /etc/azukari/letters/letters.json /root/near-miss.json
sed -i 's/^\( *\)"dbname": "site",/&\n\1"sslmode": "verify-full",/' /etc/azukari/letters/letters.json
systemctl restart azukari-letters.service
