declare const brand: unique symbol;

/** A nominal type: `T` at run time, distinct from every other brand at compile time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
