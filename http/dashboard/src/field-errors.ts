// To which field of the start form an error of the server belongs.
import { ApiError, describe } from './api';

export interface FieldError {
  field: string | null; // null: to the form as a whole
  text: string;
}

const NAMED = [/^config key "([^"]+)"/, /^argument "([^"]+)"/];

export function fieldError(error: unknown, fields: ReadonlySet<string>): FieldError {
  const text = describe(error);
  if (!(error instanceof ApiError)) return { field: null, text };
  const named = NAMED.map((pattern) => pattern.exec(error.message)?.[1]).find((name) => name !== undefined);
  const field = named ?? (/^name of a session/.test(error.message) ? 'name' : undefined);
  return { field: field !== undefined && fields.has(field) ? field : null, text };
}
