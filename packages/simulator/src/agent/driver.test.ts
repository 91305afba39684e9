import { type Answer, type Call, GuestFeed } from '@spillway/agent-core';
import {
  type ContractWorld,
  driverContract,
  neighbour,
  ScriptedAgent,
} from '@spillway/agent-core/testing';
import { type ClusterName, type PodUid, randomStream } from '@spillway/core';
import type { GuestUpdate } from '@spillway/federation';
import { ModelApiServer } from '../cluster/api-server.ts';
import { calm, memberOf, ModelNetwork } from '../network/network.ts';
import { VirtualTime } from '../virtual-time.ts';
import { type Callee, ModelDriver } from './driver.ts';
import { ModelWrites } from './writes.ts';

const paris = 'paris' as ClusterName;
const linkMs = 5;

driverContract('simulator’s', () => {
  const time = new VirtualTime();
  const network = new ModelNetwork(time, randomStream(1, 'network'), () => linkMs);
  const api = new ModelApiServer({ uidPrefix: 'paris', nodes: [], namespaces: [] });
  const agent = new ScriptedAgent();
  let answer: (of: Call) => Answer = () => ({ value: undefined });
  let shown: readonly GuestUpdate[] = [];
  let ends = false;
  let [otherAlive, open] = [true, 0];
  const callee: Callee = {
    cluster: neighbour,
    alive: () => otherAlive,
    serve: (_caller, of, answered) => answered(answer(of)),
    openFeed: () => {
      open += 1;
      if (ends) time.after(20 * linkMs, () => (otherAlive = false));
      return new GuestFeed(neighbour, shown);
    },
    closeFeed: () => (open -= 1),
  };
  const driver = new ModelDriver({
    agent,
    cluster: paris,
    epoch: 1,
    api,
    time,
    network,
    gossip: { clusters: 2, publish: () => 300, saidAt: () => undefined, attend: () => {} },
    neighbourhood: { neighbours: () => [], neighbour: () => undefined },
    writes: new ModelWrites({
      api,
      time,
      network,
      writeMsMax: 10,
      random: randomStream(1, 'writes'),
      alive: () => true,
    }),
    agentOf: () => callee,
    alive: () => true,
    trace: () => {},
  });
  const until = (done: () => boolean): void => {
    for (let ms = 0; !done(); ms++) {
      if (ms > 60_000) throw new Error('it never comes');
      time.run(time.now + 1, () => {});
    }
  };
  const world: ContractWorld = {
    agent,
    now: () => time.now,
    feed: (event) => driver.feed(event),
    addPod: (pod) => api.create(pod)?.metadata.uid as PodUid,
    breakWrites: () => (network.weather = { ...calm, writeFailure: 1 }),
    neighbourAnswers: (answers) => (answer = answers),
    neighbourShows: (updates, thenEnds) => ([shown, ends] = [updates, thenEnds]),
    streamIsOpen: () => open > 0,
    call: async (of) =>
      await new Promise((resolve) => driver.serve(memberOf(neighbour), of, resolve)),
    readGuests: async (count) => {
      const feed = driver.openFeed(memberOf(neighbour), 1);
      const read: GuestUpdate[] = [];
      return await new Promise((resolve) => {
        feed.onReady = () => {
          for (let next = feed.next(); next !== undefined; next = feed.next()) read.push(next);
          if (read.length < count) return;
          driver.closeFeed(feed);
          resolve(read);
        };
        feed.onReady();
      });
    },
    until: async (done) => {
      until(done);
      await Promise.resolve();
    },
  };
  return world;
});
