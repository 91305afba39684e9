import { advertDecode, advertEncode, advertMerge } from './adverts.ts';
import { decideOne } from './decide-one.ts';
import type { HotPath } from './hot-path.ts';
import { rank, room } from './neighbours.ts';
import { placeApart, placeMixed, placePlain, placeSpread } from './placements.ts';
import { snapshotUpdate } from './snapshot-update.ts';

/** In the order in which they are measured and shown. */
export const paths: readonly HotPath[] = [
  snapshotUpdate,
  decideOne,
  placePlain,
  placeMixed,
  placeSpread,
  placeApart,
  advertMerge,
  advertEncode,
  advertDecode,
  room,
  rank,
];
