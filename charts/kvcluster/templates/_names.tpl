{{/* Names and labels that all objects of the chart share. */}}

{{- define "kvcluster.fullname" -}}
{{- if contains "kvcluster" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-kvcluster" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "kvcluster.selectorLabels" -}}
app.kubernetes.io/name: kvcluster-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kvcluster.labels" -}}
{{ include "kvcluster.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: kvcluster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "kvcluster.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "kvcluster.fullname" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end -}}
{{- end }}

{{/* kvcluster.image: (dict "image" <values> "root" $) */}}
{{- define "kvcluster.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}
