/** What a namespace says of its pods. */
export interface NamespaceFacts {
  /** Pods that the home's own scheduler finds no room for may leave. */
  readonly offload: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}
