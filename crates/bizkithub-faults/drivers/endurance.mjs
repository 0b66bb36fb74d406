// Makes so many calls, then opens and closes so many clients, and prints the resident memory in bytes along the way as JSON.
import { Client } from '../../../node/bizkithub/dist/index.mjs';

const [calls, clients] = process.argv.slice(2).map(Number);
const input = { email: 'customer1@example.com', groups: ['vip'] };
const settings = { quota: '1000000000/h' };

async function repeat(times, step) {
  const memory = [];
  for (let number = 1; number <= times; number += 1) {
    await step();
    if (number % (times / 10) === 0) {
      globalThis.gc?.();
      memory.push(process.memoryUsage.rss());
    }
  }
  return memory;
}

const client = new Client(settings);
const ofCalls = await repeat(calls, () => client.addGroups(input));
client.close();
const ofClients = await repeat(clients, async () => {
  const short = new Client(settings);
  await short.addGroups(input);
  short.close();
});
console.log(JSON.stringify({ calls: ofCalls, clients: ofClients }));
