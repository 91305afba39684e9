/** GossipSub as adverts need it: few copies, nothing kept for long, nothing unsigned. See docs/adr/0017. */
import { gossipsub } from '@libp2p/gossipsub';
import { gossip } from '@spillway/federation';
import { advertBounds } from '@spillway/wire';
import { gossipRefusals } from './gossip-refusals.ts';
import type { Refusals } from './refusals.ts';

export function advertGossip(topic: string, refusals: Refusals): ReturnType<typeof gossipsub> {
  return gossipsub({
    allowPublishToZeroTopicPeers: true,
    allowedTopics: [topic],
    emitSelf: false,
    // libp2p calls a relayed connection limited, for relays of strangers have narrow limits.
    runOnLimitedConnection: true,
    D: gossip.degree,
    Dlo: gossip.degreeMin,
    Dhi: gossip.degreeMax,
    Dout: 1,
    Dlazy: gossip.lazyDegree,
    // Of up to 128 connections: a share of them would be told far more than it costs to lose one.
    gossipFactor: 0,
    // An id costs a tenth of the advert that it would save, and saves it too rarely.
    idontwantMinDataSize: Number.MAX_SAFE_INTEGER,
    heartbeatInterval: gossip.heartbeatMs,
    mcacheGossip: gossip.idHeartbeats,
    doPX: false,
    fallbackToFloodsub: false,
    globalSignaturePolicy: 'StrictSign',
    maxInboundDataLength: 4 * advertBounds.bytesMax,
    maxOutboundBufferSize: 64 * advertBounds.bytesMax,
    metricsRegister: gossipRefusals(refusals),
    metricsTopicStrToLabel: new Map([[topic, 'adverts']]),
  });
}
