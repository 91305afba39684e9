#!/usr/bin/env bash
# @libp2p/utils 7.4.1, the base of js-libp2p's streams. `stream.onDrain()` waits for the first drain of a stream and for
# no later one: the promise of the first is kept. A sender that awaits it whenever `send` has returned false writes on
# after that, whatever the reader does. What is sent then lies in the sender's memory.
#
# Seen, with two nodes over TCP, Noise and yamux 8.0.1, and a reader that pauses for 100 ms at each message:
#   the first time that send asks to wait: onDrain resolves when the stream has drained
#   later times: onDrain resolves while the stream still has to drain
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type":"module","private":true}' > package.json
npm install --silent --no-audit --no-fund --save-exact libp2p@3.3.11 @libp2p/utils@7.4.1 @libp2p/tcp@11.0.28 \
  @chainsafe/libp2p-noise@17.0.0 @chainsafe/libp2p-yamux@8.0.1
cat > run.js << 'JS'
import { setTimeout as sleep } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

const node = (listen) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
const reader = await node(['/ip4/127.0.0.1/tcp/0'])
const sender = await node([])
await reader.handle('/finding', (stream) => {
  stream.addEventListener('message', async () => {
    stream.pause()
    await sleep(100)
    stream.resume()
  })
})
const stream = await sender.dialProtocol(reader.getMultiaddrs(), '/finding')
const drained = []
const message = new Uint8Array(64 * 1024)
for (let sent = 0; sent < 32 * 1024 * 1024; sent += message.length) {
  if (stream.send(message)) continue
  await stream.onDrain({ signal: AbortSignal.timeout(20_000) })
  drained.push(!stream.writableNeedsDrain)
}
console.log(`first: ${drained[0] ? 'drained' : 'still has to drain'}`)
console.log(`later: ${drained.slice(1).every((is) => !is) && drained.length > 10 ? 'still has to drain' : 'drained'}`)
console.log(`in memory at the end: ${stream.writeBufferLength > 16 * 1024 * 1024 ? 'more than half' : 'little'}`)
process.exit(0)
JS
seen=$(timeout 120 node run.js)
echo "$seen"
[ "$seen" = $'first: drained\nlater: still has to drain\nin memory at the end: more than half' ]
