# safeguard: LEAK-08
# host: mail
# undo: true
systemctl restart opendkim.service postfix.service
