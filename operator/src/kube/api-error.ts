// What the API server answered when it did not do what was asked, in one shape. Answers of proxies and half-dead servers
// that are no Kubernetes Status end up in the same shape.

export type ApiErrorKind =
  | "notFound"
  | "alreadyExists"
  | "conflict"
  | "gone"
  | "throttled"
  | "forbidden"
  | "unauthorized"
  | "invalid"
  | "unavailable"
  | "other";

const KIND_BY_STATUS: Readonly<Record<number, ApiErrorKind>> = {
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  410: "gone",
  422: "invalid",
  429: "throttled",
};

const MAX_RAW_LENGTH = 300;

export interface ApiErrorFacts {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly reason: string;
  readonly kind: ApiErrorKind;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, reason, retryAfterMs }: ApiErrorFacts) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    const unavailable = status >= 500 ? "unavailable" : "other";
    this.kind = reason === "AlreadyExists" ? "alreadyExists" : (KIND_BY_STATUS[status] ?? unavailable);
  }
}

export function isApiError(error: unknown, kind: ApiErrorKind): error is ApiError {
  return error instanceof ApiError && error.kind === kind;
}

/** The API server understood and will not: a quota, a policy, a missing right, a value that makes no sense. */
export function isRefusal(error: unknown): error is ApiError {
  return isApiError(error, "forbidden") || isApiError(error, "invalid");
}

interface ErrorAnswer {
  readonly request: string;
  readonly status: number;
  readonly body: string;
  readonly retryAfter?: string | undefined;
}

/** `retryAfter` is the header's value: seconds, or a date. */
export function errorFromAnswer({ request, status, body, retryAfter }: ErrorAnswer, nowMs: number): ApiError {
  const parsed = parseStatus(body);
  const seconds = parsed.details?.retryAfterSeconds;
  const headerMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, nowMs);
  return new ApiError(`${request}: ${parsed.message ?? (body.slice(0, MAX_RAW_LENGTH) || `status ${status}`)}`, {
    status,
    reason: parsed.reason ?? "",
    retryAfterMs: headerMs ?? (typeof seconds === "number" ? seconds * 1000 : undefined),
  });
}

/** The error that a watch reports inside its stream. */
export function errorFromStatus(request: string, status: unknown): ApiError {
  const { code = 500, message, reason = "", details } = status as Status;
  const seconds = details?.retryAfterSeconds;
  return new ApiError(`${request}: ${message ?? "watch failed"}`, {
    status: code,
    reason,
    retryAfterMs: typeof seconds === "number" ? seconds * 1000 : undefined,
  });
}

interface Status {
  readonly code?: number;
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

function parseStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? (parsed as Status) : {};
  } catch {
    return {};
  }
}

function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const seconds = Number(value);
  if (Number.isFinite(seconds)) {
    return Math.max(0, seconds * 1000);
  }
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
