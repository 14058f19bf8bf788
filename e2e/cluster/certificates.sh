# shellcheck shell=bash
# Owns the keys and certificates of a cluster in one folder: one CA, whom it vouches for, and the kubeconfigs that carry
# the result. Sourced by `cluster`.

# certificates_begin FOLDER: the CA, and the key pair that signs ServiceAccount tokens.
certificates_begin() {
  local folder=$1
  mkdir -p "$folder"
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/ca.key"
  openssl req -x509 -new -key "$folder/ca.key" -subj /CN=understudy-test-ca -days 3650 -out "$folder/ca.crt"
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/service-account.key"
  openssl ec -in "$folder/service-account.key" -pubout -out "$folder/service-account.pub" 2>/dev/null
}

# certificate FOLDER NAME SUBJECT USAGE [SAN]: NAME.key and NAME.crt; USAGE is clientAuth, serverAuth or both.
certificate() {
  local folder=$1 name=$2 subject=$3 usage=$4 names=${5:-}
  openssl ecparam -name prime256v1 -genkey -noout -out "$folder/$name.key"
  {
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$usage"
    if [ -n "$names" ]; then echo "subjectAltName=$names"; fi
  } >"$folder/$name.ext"
  openssl req -new -key "$folder/$name.key" -subj "$subject" |
    openssl x509 -req -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
      -days 3650 -extfile "$folder/$name.ext" -out "$folder/$name.crt" 2>/dev/null
}

# kubeconfig FOLDER NAME SERVER FILE: certificate NAME as a way into SERVER. Everything is inside the file, which can
# therefore be copied anywhere.
kubeconfig() {
  local folder=$1 name=$2 server=$3 file=$4
  (umask 077 && cat >"$file" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters:
- name: understudy
  cluster:
    server: $server
    certificate-authority-data: $(base64 -w 0 "$folder/ca.crt")
users:
- name: $name
  user:
    client-certificate-data: $(base64 -w 0 "$folder/$name.crt")
    client-key-data: $(base64 -w 0 "$folder/$name.key")
contexts:
- name: understudy
  context: {cluster: understudy, user: $name}
current-context: understudy
KUBECONFIG
  )
}
