# shellcheck shell=bash disable=SC2154 # here, cache and state are those of the script that sources this
# Owns the whole cluster as seen from this machine: what is prepared before `machine` starts in its namespaces, the one
# link into them, and how every trace goes away again. Sourced by `cluster`.
#
# The node lives in network, mount, process and IPC namespaces of its own, so that nearly all it does vanishes with its
# first process: its mounts, links, iptables rules and network settings were never this machine's. What remains outside,
# and what cluster_down therefore undoes, is a link with its routes, the rules and settings that let pods out, and cgroups.

link=understudy0
comment=understudy-cluster
pause_image=docker.io/understudy/pause:1

cluster_up() {
  need etcd containerd runc buildah openssl iptables ip unshare nsenter curl gcc
  [ "$(id -u)" = 0 ] || { echo "cluster: starting a node needs root" >&2; exit 1; }
  cluster_may_start
  "$here/binaries" >/dev/null
  if cluster_runs && [ "$(kubectl_admin get --raw /readyz 2>/dev/null)" = ok ]; then
    echo "KUBECONFIG=$state/kubeconfig"
    return
  fi
  cluster_down
  mkdir -p "$state" "$cache/images"
  echo "$family" >"$state/family"
  pause_archive
  prepare
  start_machine
  connect
  echo "KUBECONFIG=$state/kubeconfig"
}

# Whoever asks for no family takes the one that runs.
cluster_may_start() {
  local runs version
  family_choose "${FAMILY:-ipv4}"
  if cluster_runs; then
    runs=$(cat "$state/family")
    [ "${FAMILY:-$runs}" = "$runs" ] ||
      { echo "cluster: it runs with FAMILY=$runs; \`cluster down\` ends it, then FAMILY=$FAMILY can start" >&2; exit 1; }
  fi
  for version in "${versions[@]}"; do
    [ -e "/proc/sys/net/ipv$version" ] || { echo "cluster: this machine's kernel has no IPv$version: FAMILY=$family cannot be here" >&2; exit 1; }
  done
}

cluster_runs() { process_lives "$state/machine.pid"; }

kubectl_admin() { "$("$here/binaries" kubectl)" --kubeconfig "$state/kubeconfig" --request-timeout 5s "$@"; }

cluster_status() {
  if ! cluster_runs; then
    echo "the cluster is not running"
    return 1
  fi
  kubectl_admin get nodes -o wide
}

cluster_ctr() { ctr --address "$state/containerd.sock" --namespace k8s.io "$@"; }

cluster_network() { nsenter --target "$(first_process)" --net "$@"; }

# cluster_load ARCHIVE…: one with FILE.id beside it, which says what it was made from, is imported once.
cluster_load() {
  local archive id reference key=understudy.dev/made-from
  for archive in "$@"; do
    id=$(cat "$archive.id" 2>/dev/null || true)
    if [ -n "$id" ] && [ -n "$(cluster_ctr images list -q "labels.\"$key\"==$id")" ]; then
      echo "$archive is there"
      continue
    fi
    reference=$(cluster_ctr images import "$archive" | awk '/^unpacking/ { print $2; exit }')
    if [ -n "$id" ]; then cluster_ctr images label "$reference" "$key=$id" >/dev/null; fi
    echo "$reference imported"
  done
}

# The container that holds a pod's namespaces. It is made once, since no registry is asked for it.
pause_archive() {
  local folder
  [ -e "$cache/images/pause.tar" ] && return
  folder=$(mktemp -d)
  gcc -Os -static -o "$folder/pause" "$here/pause.c"
  printf 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n' >"$folder/Dockerfile"
  image_archive "$folder" "$pause_image" "$cache/images/pause.tar"
  rm -rf "$folder"
}

# image_archive FOLDER REFERENCE ARCHIVE: the image that the folder's Dockerfile makes without running anything.
image_archive() {
  local store=(buildah --root "$1/root" --runroot "$1/run" --storage-driver vfs)
  "${store[@]}" bud -q --isolation chroot -t "$2" "$1" >/dev/null
  "${store[@]}" push -q "$2" "oci-archive:$3.new:$2"
  mv "$3.new" "$3"
}

# Everything that the daemons read.
prepare() {
  local pki=$state/pki server name names
  server=https://$(in_url "$(first node)"):6443
  mapfile -t names < <(each node && echo && each first_service)
  apiserver_certificates "$pki" "${names[@]}" 127.0.0.1
  certificate "$pki" kubelet "/O=system:nodes/CN=system:node:understudy" clientAuth,serverAuth "DNS:understudy,IP:$(each node ,IP:)"
  for name in kube-controller-manager kube-scheduler kube-proxy coredns; do
    certificate "$pki" "$name" "/CN=system:$name" clientAuth
  done
  for name in kubelet kube-controller-manager kube-scheduler kube-proxy coredns; do
    kubeconfig "$pki" "$name" "$server" "$state/$name.kubeconfig"
  done
  kubeconfig "$pki" admin "$server" "$state/kubeconfig"
  resolvers >"$state/resolv.conf"
  (
    export state cache pause_image pki node_address cluster_cidr ranges routes forward=
    node_address=$(first node)
    cluster_cidr=$(each pods ,)
    ranges="[{\"subnet\": \"$(each pods_here '"}], [{"subnet": "')\"}]"
    routes="{\"dst\": \"$(each everywhere '"}, {"dst": "')\"}"
    if [ -s "$state/resolv.conf" ]; then forward="forward . $state/resolv.conf"; fi
    mkdir -p "$state/cni"
    for name in containerd.toml kubelet.yaml kube-proxy.yaml cni/cni.conflist Corefile; do
      fill_in <"$here/config/$(basename "$name")" >"$state/$name"
    done
  )
}

# ${NAME} becomes the variable's value; nothing else of the shell is interpreted.
fill_in() { perl -pe 's/\$\{(\w+)\}/$ENV{$1} \/\/ die "no value for $1\n"/ge'; }

# The name servers that pods can reach: not those that listen on this machine's loopback, nor those of another family.
resolvers() {
  local file=/etc/resolv.conf
  [ -e /run/systemd/resolve/resolv.conf ] && file=/run/systemd/resolve/resolv.conf
  grep '^nameserver' "$file" | grep -v ' 127\.' | grep -v ' ::1' |
    case $family in ipv4) grep -v : ;; ipv6) grep : ;; dual) cat ;; esac || true
}

start_machine() {
  cgroups_make
  # shellcheck disable=SC2016  # expanded by the inner shell
  setsid bash -c 'for tasks in "$@"; do echo $$ >"$tasks"; done
    exec unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc "$0/machine"' \
    "$here" "${daemons[@]}" </dev/null >"$state/machine.log" 2>&1 9>&- &
  process_note $! "$state/machine.pid"
}

# The one link between this machine and its node, with the way to pods and Services, and out again for pods.
connect() {
  local inner version deadline=$((SECONDS + 120))
  until inner=$(first_process) && [ "$(readlink "/proc/$inner/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
    alive_until "$deadline"
  done
  ip link add "$link" type veth peer name k8s0 netns "$inner"
  for version in "${versions[@]}"; do
    # Also on a machine that has turned IPv6 off for its links: this one is ours, and nobody else is on it to be asked.
    [ "$version" = 4 ] || echo 0 | tee "/proc/sys/net/ipv6/conf/$link/"{accept_dad,disable_ipv6} >/dev/null
    ip address add "${host[$version]}/${link_bits[$version]}" dev "$link"
  done
  ip link set "$link" up
  for version in "${versions[@]}"; do
    ip route add "${pods[$version]}" via "${node[$version]}" dev "$link" onlink
    ip route add "${services[$version]}" via "${node[$version]}" dev "$link" onlink
  done
  let_pods_out
  until [ -e "$state/ready" ]; do alive_until "$deadline"; done
}

first_process() {
  local outer
  read -r outer _ <"$state/machine.pid"
  tr -d ' ' <"/proc/$outer/task/$outer/children" 2>/dev/null | grep .
}

alive_until() {
  if ! cluster_runs || [ "$SECONDS" -ge "$1" ]; then
    echo "cluster: the node did not become ready; the end of its logs in $state/logs:" >&2
    tail -n 5 "$state/machine.log" "$state"/logs/*.log >&2
    exit 1
  fi
  sleep 0.1
}

let_pods_out() {
  local version
  mapfile -t settings < <(for version in "${versions[@]}"; do settings_of "$version"; done)
  grep -H . "${settings[@]}" >"$state/settings"
  for version in "${versions[@]}"; do
    [ "$version" = 4 ] || keep_advertised_routes
    echo 1 >"/proc/sys/net/ipv$version/conf/all/forwarding"
    outbound_rules "$version" -I
  done
}

# What the kernel changes with the first of them, which therefore is the first to be put back.
settings_of() {
  local all=/proc/sys/net/ipv$1/conf
  printf '%s\n' "$all/all/forwarding" "$all"/*/forwarding
  if [ "$1" = 4 ]; then echo "$all/all/accept_redirects"; else printf '%s\n' "$all"/*/accept_ra; fi
}

# A machine that begins to forward IPv6 forgets the routes that its router advertised, its way to the internet among
# them, unless it is told (2) to heed a router all the same.
keep_advertised_routes() {
  local folder
  for folder in /proc/sys/net/ipv6/conf/*; do
    if [ "$(cat "$folder/forwarding")$(cat "$folder/accept_ra")" = 01 ]; then echo 2 >"$folder/accept_ra"; fi
  done
}

# A link may have gone meanwhile, and its settings with it.
settings_restore() {
  local file value
  while IFS=: read -r file value; do
    if [ -e "$file" ] && [ "$(cat "$file")" != "$value" ]; then echo "$value" >"$file"; fi
  done <"$state/settings"
}

outbound_rules() {
  local program=${iptables[$1]} sources=${pods[$1]},${node[$1]}
  "$program" -w -t nat "$2" POSTROUTING -s "$sources" ! -o "$link" -m comment --comment "$comment" -j MASQUERADE
  "$program" -w "$2" FORWARD -i "$link" -m comment --comment "$comment" -j ACCEPT
  "$program" -w "$2" FORWARD -o "$link" -m comment --comment "$comment" -j ACCEPT
}

cluster_down() {
  local version
  [ "$(id -u)" = 0 ] || { echo "cluster: ending a node needs root" >&2; exit 1; }
  cgroups_end
  process_end "$state/machine.pid"
  ip link delete "$link" 2>/dev/null || true
  if [ -e "$state/settings" ]; then
    for version in 4 6; do
      while outbound_rules "$version" -D 2>/dev/null; do :; done
    done
    settings_restore
  fi
  rm -rf "$state"
}

# Every process of the node, its containers' too, is in this cgroup tree and no other process is: that is how
# cluster_down finds them all, whatever happened before. With cgroup v2 there is one tree, with v1 one per controller.
mapfile -t trees < <(awk '$3 ~ /^cgroup2?$/ && $2 ~ /^\/sys\/fs\/cgroup/ { print $2 }' /proc/mounts)
daemons=("${trees[@]/%//understudy/daemons/cgroup.procs}")

cgroups_make() {
  local tree controller controllers
  for tree in "${trees[@]}"; do
    # In the one tree of v2 a cgroup has only the controllers that its parent hands on.
    if [ "$tree" = /sys/fs/cgroup ]; then
      cat "$tree/cgroup.subtree_control" >"$state/subtree_control"
      read -ra controllers <"$tree/cgroup.controllers"
      for controller in "${controllers[@]}"; do
        echo "+$controller" >"$tree/cgroup.subtree_control" 2>/dev/null || echo "cluster: no $controller for pods" >&2
      done
    fi
    mkdir -p "$tree/understudy/daemons"
    cpuset_inherit "$tree/understudy"
    cpuset_inherit "$tree/understudy/daemons"
  done
}

# A new cpuset of cgroup v1 is empty, and no process may enter it before it is filled.
cpuset_inherit() {
  local file
  for file in cpuset.cpus cpuset.mems; do
    if [ -e "$1/../$file" ] && [ ! -e "$1/cgroup.controllers" ]; then cat "$1/../$file" >"$1/$file"; fi
  done
}

cgroups_end() {
  local tree deadline=$((SECONDS + 30)) left controller controllers
  for tree in "${trees[@]}"; do
    while [ -d "$tree/understudy" ]; do
      mapfile -t left < <(find "$tree/understudy" -name cgroup.procs -exec cat {} + 2>/dev/null)
      [ ${#left[@]} = 0 ] || kill -KILL "${left[@]}" 2>/dev/null || true
      find "$tree/understudy" -depth -type d -exec rmdir {} + 2>/dev/null || true
      if [ "$SECONDS" -ge "$deadline" ]; then
        echo "cluster: processes in $tree/understudy do not end" >&2
        return 1
      fi
      [ ! -d "$tree/understudy" ] || sleep 0.1
    done
    if [ "$tree" = /sys/fs/cgroup ] && [ -e "$state/subtree_control" ]; then
      read -ra controllers <"$tree/cgroup.subtree_control"
      for controller in "${controllers[@]}"; do
        grep -qw "$controller" "$state/subtree_control" || echo "-$controller" >"$tree/cgroup.subtree_control" 2>/dev/null || true
      done
    fi
  done
}
