/** The longest timeout that `grpc-timeout` expresses in milliseconds: eight digits, about 27 hours. */
const MAX_TIMEOUT_MS = 99_999_999;

/**
 * Returns a timeout that `grpc-timeout` can express: whole milliseconds, rounded up, at most {@link MAX_TIMEOUT_MS}. Connect
 * writes the number as it is, and a server rejects a fraction or a ninth digit. A timeout of 0 or less stays, as it means
 * no deadline.
 */
export function validTimeout(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined ? undefined : Math.min(Math.ceil(timeoutMs), MAX_TIMEOUT_MS);
}
