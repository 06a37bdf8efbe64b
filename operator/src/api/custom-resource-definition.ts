// A row of the table of kinds (kinds.ts) as the CustomResourceDefinition that Kubernetes wants.
import { type CustomKind, GROUP, VERSION } from "./kinds.ts";
import { type JsonSchema, object, required } from "./schema.ts";

export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export function customResourceDefinition(kind: CustomKind): CustomResourceDefinition {
  const { kind: name, plural, singular, shortNames, categories, columns, scale } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind: name, listKind: `${name}List`, plural, singular, shortNames, categories },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function rootSchema({ description, spec, status, rules }: CustomKind): JsonSchema {
  const { json } = object({ spec: required(spec), status }, { description, rules });
  return {
    ...json,
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      ...json.properties,
    },
  };
}
