import * as z from "zod/mini";
import type { RouteSpec } from "./api.ts";
import type { Schema } from "./validate.ts";

/** OpenAPI 3.1, as far as we write it. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> };
}

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: {
    readonly description?: string;
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: unknown }>>;
  };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly security: ReadonlyArray<Readonly<Record<string, readonly string[]>>>;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly schema: unknown;
}

export type SecurityScheme = "basic" | "bearer" | "certificate";

const SECURITY_SCHEMES: Readonly<Record<SecurityScheme, unknown>> = {
  basic: { type: "http", scheme: "basic" },
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
  certificate: { type: "mutualTLS" },
};

export interface OpenApiInfo {
  readonly title: string;
  readonly description: string;
  readonly version: string;
  readonly security: readonly SecurityScheme[];
}

/** The document of an API, from the very schemas that judge its requests. */
export function openApiDocument(
  info: OpenApiInfo,
  routes: readonly RouteSpec[],
): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, "{$1}").replace(/\*$/, "{rest}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, path, info.security);
  }
  const { title, version, description, security } = info;
  return {
    openapi: "3.1.0",
    info: { title, version, description },
    paths,
    components: {
      securitySchemes: Object.fromEntries(security.map((name) => [name, SECURITY_SCHEMES[name]])),
    },
  };
}

function operationOf(
  route: RouteSpec,
  path: string,
  security: readonly SecurityScheme[],
): OpenApiOperation {
  const parameters = [
    ...pathParameters(path),
    ...queryParameters(route.query ?? route.documentedQuery),
  ];
  const requestBody = requestBodyOf(route);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: Object.fromEntries(
      Object.entries(route.replies).map(([status, reply]) => [status, {
        description: reply.description,
        ...contentOf(reply.schema, reply.contentType),
      }]),
    ),
    security: route.isOpen === true ? [] : security.map((name) => ({ [name]: [] })),
  };
}

function pathParameters(path: string): OpenApiParameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path" as const,
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: Schema | undefined): OpenApiParameter[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(query, "input") as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query" as const,
    required: required.includes(name),
    schema,
  }));
}

function requestBodyOf({ body, rawBody }: RouteSpec): OpenApiOperation["requestBody"] {
  if (body !== undefined) {
    return {
      required: true,
      content: { "application/json": { schema: jsonSchema(body, "input") } },
    };
  }
  if (rawBody === undefined) return undefined;
  const { description, schema } = rawBody;
  const type = schema === undefined ? "application/octet-stream" : "application/json";
  const shape = schema === undefined ? {} : jsonSchema(schema, "input");
  return { description, required: false, content: { [type]: { schema: shape } } };
}

function contentOf(
  schema: Schema | undefined,
  contentType: string | undefined,
): { readonly content?: unknown } {
  if (schema === undefined && contentType === undefined) return {};
  const shape = schema === undefined ? {} : { schema: jsonSchema(schema, "output") };
  return { content: { [contentType ?? "application/json"]: shape } };
}

/** What JSON schema has no word for, such as a conversion, is left open there. */
function jsonSchema(schema: Schema, io: "input" | "output"): unknown {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
