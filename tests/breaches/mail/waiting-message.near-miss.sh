# safeguard: LEAK-08
# host: mail
# undo: postsuper -d ALL
# A reader's server without TLS: the message waits, which is no fault of this host.
domain=$(postconf -h mydomain)
printf 'From: postmaster@%s\nTo: reader@plain.test\nSubject: waits\n\nwaits\n' "$domain" |
  sendmail -i -f "bounces@$domain" reader@plain.test
