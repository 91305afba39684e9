export const strangers = 1 as never;
