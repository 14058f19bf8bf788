{{- define "understudy.operator" -}}
{{- printf "%s-operator" (.Release.Name | trunc 45 | trimSuffix "-") -}}
{{- end -}}

{{- define "understudy.serviceAccount" -}}
{{- default (include "understudy.operator" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "understudy.link" -}}
{{- printf "%s-link" (include "understudy.operator" .) -}}
{{- end -}}

{{/* What is not in a namespace carries the release's in its name: two releases do not meet. */}}
{{- define "understudy.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "understudy.operator" .) -}}
{{- end -}}

{{/* An image {repository, tag, digest}; a digest is what is pulled, whatever the tag says. */}}
{{- define "understudy.image" -}}
{{- $tag := default .version .image.tag -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "understudy.selector" -}}
app.kubernetes.io/name: understudy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "understudy.labels" -}}
{{ include "understudy.selector" . }}
app.kubernetes.io/part-of: understudy
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Who the operator is, for bindings. */}}
{{- define "understudy.subjects" -}}
- kind: ServiceAccount
  name: {{ include "understudy.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What the operator may do where participants are. */}}
{{- define "understudy.participantRules" -}}
- apiGroups: [understudy.dev]
  resources: [virtualparticipants, livestreams]
  verbs: [list, watch]
# The control API: an invitation is written into the spec of its participant as it is at that moment, and nothing else of it.
- apiGroups: [understudy.dev]
  resources: [virtualparticipants]
  verbs: [get, patch]
- apiGroups: [understudy.dev]
  resources: [virtualparticipants/status, livestreams/status]
  verbs: [patch]
# Session pods are created and deleted. Changed is only whose one is that several livestreams take: it goes with the last of them.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, delete, patch]
# Access tokens are made once and read by name. Participants choose their names, so that resourceNames cannot narrow this: the
# operator could get any Secret here whose name it is told: it asks for a participant's or livestream's own, for its authority's, and
# for those that livestreams name, of which it reads out those of type understudy.dev/credentials alone.
# Neither list nor watch: those would show all Secrets without a name. watchNamespaces narrows where. Deleted are those with tokens
# that came with invitations, those of stages, and those of access that an earlier object left or whose tokens are made anew.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, delete]
# The root by which sessions know their operator, applied server-side. A name cannot restrict what is created.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [understudy-ca]
  verbs: [patch]
# Stages that were made by the control API.
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [understudy-stages]
  verbs: [get, update]
# One Event a cause; what happens again is counted in it, also by another leader.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, patch]
{{- end -}}
