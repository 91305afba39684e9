/** What the labels and annotations of a namespace say about its pods. */
export interface NamespaceFacts {
  /** Pods that the home's own scheduler finds no room for may leave. */
  readonly offload: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}
