import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ConnectError } from "@connectrpc/connect";

/** A field of a request that breaks a rule. */
export interface FieldError {
  /** The path of the field, such as `nickname` or `samples[2].position`. */
  field: string;
  /** A sentence that says what to do. */
  description: string;
}

/**
 * Returns the fields that the server rejected: the `google.rpc.BadRequest` of an error with `Code.InvalidArgument`. Returns
 * an empty list for any other error.
 */
export function fieldErrors(error: unknown): FieldError[] {
  if (!(error instanceof ConnectError)) return [];
  return error.details.flatMap((detail) =>
    "type" in detail && detail.type === "google.rpc.BadRequest" ? badRequest(detail.value) : [],
  );
}

/** Decodes a `google.rpc.BadRequest`. Returns an empty list for bytes that are no message. */
function badRequest(bytes: Uint8Array): FieldError[] {
  try {
    return messages(bytes, 1).map((violation) => ({
      field: text(violation, 1),
      description: text(violation, 2),
    }));
  } catch {
    return [];
  }
}

/** Returns the values of a field with a length (message or text), in order. */
function messages(bytes: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const values = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) values.push(reader.bytes());
    else reader.skip(type, number);
  }
  return values;
}

/** Returns the last value of a text field; empty if there is none. */
function text(bytes: Uint8Array, field: number): string {
  return new TextDecoder().decode(messages(bytes, field).at(-1));
}
