// The chart's RBAC template, from the table of permissions. Cluster-wide by default; with `watchNamespace` the same
// rules as a Role in that namespace. Names and labels come from the chart's own _names.tpl.
import { PERMISSIONS, type Permission, policyRule } from "./permissions.ts";

export function rbacTemplate(header: string): string {
  const permissions: readonly Permission[] = PERMISSIONS;
  const watched = permissions.filter(({ ownNamespace }) => ownNamespace !== true);
  const own = permissions.filter(({ ownNamespace }) => ownNamespace === true);
  return [
    `{{- /* ${header} */}}`,
    "{{- if .Values.rbac.create }}",
    "{{- $cluster := empty .Values.watchNamespace }}",
    role({ kind: '{{ ternary "ClusterRole" "Role" $cluster }}', suffix: "", namespace: WATCHED_NAMESPACE }, watched),
    "---",
    binding({ kind: '{{ ternary "ClusterRole" "Role" $cluster }}', suffix: "", namespace: WATCHED_NAMESPACE }),
    "---",
    role({ kind: "Role", suffix: "-leader", namespace: OWN_NAMESPACE }, own),
    "---",
    binding({ kind: "Role", suffix: "-leader", namespace: OWN_NAMESPACE }),
    "{{- end }}",
    "",
  ].join("\n");
}

interface RoleShape {
  readonly kind: string;
  readonly suffix: string;
  readonly namespace: readonly string[];
}

const OWN_NAMESPACE = ["  namespace: {{ .Release.Namespace }}"];
const WATCHED_NAMESPACE = ["  {{- if not $cluster }}", "  namespace: {{ .Values.watchNamespace }}", "  {{- end }}"];

function metadata({ suffix, namespace }: RoleShape): string[] {
  return [
    "metadata:",
    `  name: {{ include "kvcluster.fullname" . }}${suffix}`,
    ...namespace,
    '  labels: {{- include "kvcluster.labels" . | nindent 4 }}',
  ];
}

function role(shape: RoleShape, permissions: readonly Permission[]): string {
  const rules = permissions.flatMap((permission) => {
    const { apiGroups, resources, verbs } = policyRule(permission);
    return [
      `  # ${permission.why}`,
      `  - apiGroups: [${apiGroups.map((group) => (group === "" ? '""' : group)).join(", ")}]`,
      `    resources: [${resources.join(", ")}]`,
      `    verbs: [${verbs.join(", ")}]`,
    ];
  });
  return [
    "apiVersion: rbac.authorization.k8s.io/v1",
    `kind: ${shape.kind}`,
    ...metadata(shape),
    "rules:",
    ...rules,
  ].join("\n");
}

function binding(shape: RoleShape): string {
  const isChosen = shape.kind !== "Role";
  return [
    "apiVersion: rbac.authorization.k8s.io/v1",
    `kind: ${isChosen ? '{{ ternary "ClusterRoleBinding" "RoleBinding" $cluster }}' : "RoleBinding"}`,
    ...metadata(shape),
    "roleRef:",
    "  apiGroup: rbac.authorization.k8s.io",
    `  kind: ${shape.kind}`,
    `  name: {{ include "kvcluster.fullname" . }}${shape.suffix}`,
    "subjects:",
    "  - kind: ServiceAccount",
    '    name: {{ include "kvcluster.serviceAccountName" . }}',
    "    namespace: {{ .Release.Namespace }}",
  ].join("\n");
}
