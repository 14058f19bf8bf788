# shellcheck shell=bash disable=SC2154 # here is that of the script that sources this
# Owns etcd and kube-apiserver: how they are started, and the light control plane (these two alone, on loopback, no root
# needed) that tests of an operator run against. Sourced by `cluster` and by `machine`.

# etcd_arguments DATA_FOLDER CLIENT_PORT
etcd_arguments() {
  printf '%s\n' --name default --data-dir "$1" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "http://127.0.0.1:$2" --advertise-client-urls "http://127.0.0.1:$2" \
    --listen-peer-urls http://127.0.0.1:0 --initial-advertise-peer-urls http://127.0.0.1:0 \
    --initial-cluster default=http://127.0.0.1:0
}

# apiserver_arguments CERTIFICATE_FOLDER ADDRESS PORT ETCD_PORT SERVICES
apiserver_arguments() {
  local pki=$1 address=$2 port=$3 etcd_port=$4 services=$5
  printf '%s\n' --etcd-servers "http://127.0.0.1:$etcd_port" \
    --bind-address "$address" --advertise-address "$address" --secure-port "$port" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/apiserver.crt" --kubelet-client-key "$pki/apiserver.key" \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/service-account.pub" \
    --service-account-signing-key-file "$pki/service-account.key" \
    --requestheader-client-ca-file "$pki/ca.crt" --requestheader-allowed-names front-proxy \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --service-cluster-ip-range "$services" --allow-privileged \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --enable-priority-and-fairness=false --profiling=false
}

# Who asked for what, and what became of it: tests of the operator count its writes and hold its rights against that.
audit_policy() {
  printf '%s\n' 'apiVersion: audit.k8s.io/v1' 'kind: Policy' 'omitStages: [RequestReceived]' 'rules:' \
    '- {level: None, nonResourceURLs: ["/*"]}' '- {level: Metadata}'
}

# apiserver_certificates FOLDER ADDRESS…: the server's own, with every name it answers to, and the administrator's.
apiserver_certificates() {
  local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  names+=$(printf ',IP:%s' "${@:2}")
  certificates_begin "$1"
  certificate "$1" apiserver /O=system:masters/CN=kube-apiserver serverAuth,clientAuth "$names"
  certificate "$1" admin /O=system:masters/CN=admin clientAuth
}

# A process is known by its number and the moment it began, since numbers are given out again.
process_began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
process_note() { echo "$1 $(process_began "$1")" >"$2"; }
process_lives() {
  local pid began
  read -r pid began 2>/dev/null <"$1" && [ -n "$began" ] && [ "$(process_began "$pid")" = "$began" ]
}
process_end() {
  local pid
  if process_lives "$1"; then
    read -r pid _ <"$1"
    kill -KILL "$pid" 2>/dev/null || true
    while process_lives "$1" && ! grep -qs '^State:.*Z' "/proc/$pid/status"; do sleep 0.02; done
  fi
  rm -f "$1"
}

# control_plane_start FOLDER NAME PROGRAM ARGUMENT…: in the background, in a session of its own, its output in NAME.log.
control_plane_start() {
  local folder=$1 name=$2
  shift 2
  setsid "$@" </dev/null >"$folder/$name.log" 2>&1 9>&- &
  process_note $! "$folder/$name.pid"
  disown # or the shell tells of its end
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000)) # below the range from which the kernel gives ports to clients
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# control_plane_up FOLDER
control_plane_up() {
  local folder attempt port etcd_port apiserver arguments
  need etcd openssl curl
  apiserver=$("$here/binaries" kube-apiserver)
  mkdir -p "$1"
  folder=$(readlink -f "$1")
  if process_lives "$folder/kube-apiserver.pid" && process_lives "$folder/etcd.pid"; then
    echo "KUBECONFIG=$folder/kubeconfig"
    return
  fi
  # Two that start at once may pick the same port: whoever loses tries again.
  for attempt in 1 2 3 4 5; do
    control_plane_empty "$folder"
    port=$(free_port) etcd_port=$(free_port)
    apiserver_certificates "$folder/pki" 127.0.0.1 10.96.0.1
    kubeconfig "$folder/pki" admin "https://127.0.0.1:$port" "$folder/kubeconfig"
    mapfile -t arguments < <(etcd_arguments "$folder/etcd" "$etcd_port")
    control_plane_start "$folder" etcd etcd "${arguments[@]}"
    mapfile -t arguments < <(apiserver_arguments "$folder/pki" 127.0.0.1 "$port" "$etcd_port" 10.96.0.0/16)
    audit_policy >"$folder/audit-policy.yaml"
    control_plane_start "$folder" kube-apiserver "$apiserver" "${arguments[@]}" --endpoint-reconciler-type none \
      --audit-policy-file "$folder/audit-policy.yaml" --audit-log-path "$folder/audit.log"
    if control_plane_ready "$folder" "$port"; then
      echo "KUBECONFIG=$folder/kubeconfig"
      return
    fi
  done
  echo "cluster: the control plane did not become ready in $attempt attempts" >&2
  tail -n 5 "$folder"/*.log >&2
  control_plane_stop "$folder"
  return 1
}

# At most 60 s: it takes 3 on an idle machine, and tests share theirs with compilers.
control_plane_ready() {
  local folder=$1 deadline=$((SECONDS + 60))
  while [ "$SECONDS" -lt "$deadline" ]; do
    process_lives "$folder/etcd.pid" && process_lives "$folder/kube-apiserver.pid" || return 1
    if [ "$(curl -s --max-time 2 --cacert "$folder/pki/ca.crt" --cert "$folder/pki/admin.crt" \
      --key "$folder/pki/admin.key" "https://127.0.0.1:$2/readyz")" = ok ]; then return; fi
    sleep 0.1
  done
  return 1
}

control_plane_stop() {
  process_end "$1/kube-apiserver.pid" # before etcd, without which it cannot end
  process_end "$1/etcd.pid"
}

control_plane_empty() {
  control_plane_stop "$1"
  rm -rf "$1/etcd" "$1/pki" "$1"/{etcd,kube-apiserver,audit}.log "$1/audit-policy.yaml" "$1/kubeconfig"
}

# control_plane_down FOLDER: whatever state it is in; removes the folder if nothing of others is in it.
control_plane_down() {
  [ -d "$1" ] || return 0
  control_plane_empty "$1"
  rmdir "$1" 2>/dev/null || true
}

# control_plane_run FOLDER: until standard input closes, so that it cannot outlive the test that started it.
control_plane_run() {
  reader=
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "control_plane_down '$1'; [ -z \"\$reader\" ] || kill \$reader 2>/dev/null || true" EXIT
  trap 'exit 0' TERM INT HUP
  control_plane_up "$1"
  # In the background, because a shell handles a signal only between commands, and `wait` is one that a signal ends.
  cat <&0 >/dev/null &
  reader=$!
  wait "$reader"
}
