# Keys, certificates and kubeconfigs of the cluster, all below $PKI and $STATE. To be sourced after settings.sh.
# Each is made once: a cluster brought back after a power cut keeps them.

make_authority() {
  [ -e "$PKI/ca.crt" ] && return
  mkdir -p "$PKI"
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/ca.key"
  openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=kvcluster-local -days 3650 -out "$PKI/ca.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/sa.key" # signs service account tokens
  openssl ec -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
}

# make_certificate NAME SUBJECT [SUBJECT-ALT-NAMES]
make_certificate() {
  [ -e "$PKI/$1.crt" ] && return
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key"
  openssl req -new -key "$PKI/$1.key" -subj "$2" | openssl x509 -req -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" \
    -set_serial "0x$(openssl rand -hex 8)" -days 3650 -out "$PKI/$1.crt" -extfile <(
      echo "basicConstraints=CA:FALSE"
      echo "keyUsage=digitalSignature,keyEncipherment"
      echo "extendedKeyUsage=serverAuth,clientAuth"
      [ -z "${3:-}" ] || echo "subjectAltName=$3"
    ) 2>/dev/null
}

# make_kubeconfig FILE CERTIFICATE API-ADDRESS: self-contained, so that it can be handed around
make_kubeconfig() {
  cat >"$STATE/$1.kubeconfig" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters: [{name: kvcluster-local, cluster: {server: "$3", certificate-authority-data: $(base64 -w0 <"$PKI/ca.crt")}}]
users: [{name: user, user: {client-certificate-data: $(base64 -w0 <"$PKI/$2.crt"), client-key-data: $(base64 -w0 <"$PKI/$2.key")}}]
contexts: [{name: kvcluster-local, context: {cluster: kvcluster-local, user: user}}]
current-context: kvcluster-local
KUBECONFIG
}
