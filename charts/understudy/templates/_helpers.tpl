{{- define "understudy.operator" -}}
{{- printf "%s-operator" (.Release.Name | trunc 45 | trimSuffix "-") -}}
{{- end -}}

{{- define "understudy.serviceAccount" -}}
{{- default (include "understudy.operator" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "understudy.link" -}}
{{- printf "%s-link" (include "understudy.operator" .) -}}
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

{{- define "understudy.profiles" -}}
{{- $image := printf "%s:%s" .Values.runtime.image.repository (default .Chart.AppVersion .Values.runtime.image.tag) -}}
{{- $profiles := dict -}}
{{- range $name, $profile := .Values.runtimeProfiles -}}
{{- $defaults := dict "image" $image "imagePullPolicy" $.Values.runtime.image.pullPolicy -}}
{{- $_ := set $profiles $name (merge (deepCopy $profile) $defaults) -}}
{{- end -}}
{{ toYaml (dict "profiles" $profiles) }}
{{- end -}}
