export * from './advert-codec.ts';
export * from './check-codec.ts';
export * from './grpc-status.ts';
export {
  NegotiationClient as NegotiationStub,
  type NegotiationServer,
  NegotiationService,
} from './gen/spillway/v1/negotiation.ts';
export * from './membership-codec.ts';
export * from './negotiation-codec.ts';
export * from './revocation-codec.ts';
export * from './streams-codec.ts';
